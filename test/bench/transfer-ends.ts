import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { WorkerStarter } from '../../core/agent/workers/starter.ts'
import { nodeWorkerStarter } from '../../core/agent/workers/starter.ts'
import { SupervisedWorker } from '../../core/agent/workers/supervisor.ts'
import { openLedger } from '../../core/ledger/ledger.ts'
import type { FixityKind } from '../../core/platform/fixity-kinds.ts'
import type { RunningReport } from '../../core/receive/receiver-messages.ts'
import { senderDefinition } from '../../core/send/sender-messages.ts'
import { defaultSettings } from '../../core/settings/schema.ts'
import { receiverDefinition } from '../support/transfer/receiver-worker.ts'
import { until } from '../support/until.ts'
import { bundle } from './bundle.ts'

const DESTINATION = 'bench'
const WITHIN_MS = 300_000

export interface Sent {
  seconds: number
  senderMiB: number
  receiverMiB: number
}

export interface SendOptions {
  /** The bundled processes: see `bundleEnds`. */
  ends: string
  source: string
  /** Files that go before the clock starts: an agent that has been at work has its code compiled. */
  before?: string
  /** Where the ledger, the store and the certificates go. */
  directory: string
  /** The port to be dialled instead of the receiver's. */
  through?(port: number): Promise<number>
  /** Fills the ledger before the clock starts; how many files have to be durable at its end. */
  prepare?(ledger: ReturnType<typeof openLedger>, destination: string): number
  /** Digests to record beside BLAKE3; default: none. */
  digests?: FixityKind[]
}

/** Bundles the two processes and their threads into `directory`. */
export const bundleEnds = (directory: string): Promise<void> =>
  bundle(directory, [
    'test/bench/transfer-sender',
    'test/bench/transfer-receiver',
    ...['reader', 'store'].map((name) => `cli/workers/${name}-thread`),
  ])

/** Starts the receiver's process with what a sender's has: threads and words for V8. */
export const receiverStarter = (ends: string): WorkerStarter<'receiver'> => ({
  start: () => createStarter(ends, 'receiver').start('receiver'),
})

const createStarter = (ends: string, end: string) =>
  nodeWorkerStarter(() => pathToFileURL(path.join(ends, `test/bench/transfer-${end}.js`)))

/** From the first look at the directory to the last file durable at the receiver. */
export async function sendWithHoldfast(options: SendOptions): Promise<Sent> {
  const { source, before, directory, ends } = options
  const quiet = { nudge: () => undefined, log: () => undefined, condition: () => undefined }
  let fingerprint: string | null = null
  let receiving: RunningReport | null = null
  const sender = new SupervisedWorker(senderDefinition, createStarter(ends, 'sender'), {
    ...quiet,
    report: (report) => {
      fingerprint = report.fingerprint
    },
  })
  const receiver = new SupervisedWorker(receiverDefinition, receiverStarter(ends), {
    ...quiet,
    report: (report) => {
      if ('port' in report) receiving = report
    },
  })
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  const config = {
    identityDirectory: path.join(directory, 'identity'),
    ledgerPath,
    destination: null,
    sources: [
      { ...buildSource('s', source), digests: options.digests ?? [] },
      ...(before === undefined ? [] : [buildSource('before', before)]),
    ],
    paused: false,
    retrySeconds: 1,
    keep: defaultSettings.keep,
    limit: { bytesPerSecond: null, schedule: [] },
  }
  try {
    sender.configure(config)
    const known = await until('the sender', () => fingerprint)
    const storeDirectory = path.join(directory, 'store')
    const paired = [{ fingerprint: known, name: 'sender' }]
    receiver.configure({ storeDirectory, host: '127.0.0.1', port: 0, name: 'store', paired })
    const { port, fingerprint: pin } = await until('the receiver', () => receiving)
    const dialled = (await options.through?.(port)) ?? port
    const countSent = (id: string) => ledger.totals(DESTINATION)[id]?.sentFiles ?? 0
    // The scanner, too, says so with each chunk that it has found.
    const offer = (id: string, path: string) => offerAll(ledger, id, path, DESTINATION, () => sender.nudge())
    const connect = () =>
      sender.configure({
        ...config,
        destination: {
          id: DESTINATION,
          kind: 'receiver',
          name: 'store',
          host: '127.0.0.1',
          port: dialled,
          fingerprint: pin,
        },
      })
    if (before !== undefined) {
      connect()
      const first = offer('before', before)
      await until('the files before to be durable', () => countSent('before') >= first, WITHIN_MS)
    }
    // Prepared files must not leave before the clock starts.
    if (options.prepare !== undefined) sender.configure(config)
    const prepared = options.prepare?.(ledger, DESTINATION)
    const startedAt = performance.now()
    connect()
    const files = prepared ?? offer('s', source)
    sender.nudge()
    await until('every file to be durable', () => countSent('s') >= files, WITHIN_MS)
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, senderMiB: peakMiB(sender.state.pid), receiverMiB: peakMiB(receiver.state.pid) }
  } finally {
    ledger.close()
    await Promise.all([sender.stop(), receiver.stop()])
  }
}

const buildSource = (id: string, path: string) => ({
  id,
  path,
  name: id,
  groupWriteMark: false,
  paused: false,
})

export function offerAll(
  ledger: ReturnType<typeof openLedger>,
  id: string,
  source: string,
  destination: string,
  offered: () => void = () => undefined,
): number {
  const entries = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  for (let start = 0; start < entries.length; start += 500) {
    const candidates = entries.slice(start, start + 500).map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      const { size, mtimeNs, ctimeNs, ino, dev } = statSync(file, { bigint: true })
      const facts = { size: Number(size), mtimeNs, ctimeNs, inode: ino, device: dev }
      return { source: id, path: path.relative(source, file), ...facts }
    })
    ledger.offer(destination, candidates)
    offered()
  }
  return entries.length
}

/** The largest resident set that a process has had so far (VmHWM of proc(5)). */
export function peakMiB(pid: number | null): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024
}
