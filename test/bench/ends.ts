import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { commandScript } from '../../build/setup/command.mjs'
import { nodeWorkerStarter, type WorkerStarter } from '../../core/agent/workers/starter.ts'
import { SupervisedWorker } from '../../core/agent/workers/supervisor.ts'
import { type Ledger, openLedger } from '../../core/ledger/ledger.ts'
import type { WorkerDefinition, WorkerReport } from '../../core/lib/workers/definition.ts'
import type { FixityKind } from '../../core/platform/fixity-kinds.ts'
import { loadIdentity } from '../../core/protocol/identity.ts'
import { type RunningReport, receiverDefinition } from '../../core/receive/receiver-messages.ts'
import { senderDefinition } from '../../core/send/sender-messages.ts'
import type { Destination } from '../../core/settings/destination-schema.ts'
import { defaultSettings } from '../../core/settings/schema.ts'
import { sendingSettingsSchema } from '../../core/settings/worker-groups.ts'
import { DEFAULT_RULES } from '../../core/store/quota/admission.ts'
import { peakMiB } from '../support/process-tree.ts'
import { pairBefore } from '../support/transfer/pair-before.ts'
import { until } from '../support/until.ts'

// The product's own processes, as it ships them: built, as stripping types would count in their time and memory.

const WITHIN_MS = 300_000
/** The id of the destination, and of its receiver. */
const BENCH = 'bench'

/** Files of a benchmark, and how often each program copies them: medians are compared. */
export interface Load {
  name: string
  files: number
  bytes: number
  runs: number
}

export interface Sent {
  seconds: number
  senderMiB: number
  receiverMiB: number
}

/** A destination, with the secrets that it needs. */
export interface Target {
  destination: Destination
  secrets: Record<string, string>
}

export interface SendOptions {
  source: string
  /** Files that are sent before the clock starts: agents run all day, and have their code compiled. */
  before?: string
  /** Directory for the ledger, the certificates, and a receiver's store. */
  directory: string
  /** Fills the ledger before the clock starts; returns the number of files that have to be durable at its end. */
  prepare?(ledger: Ledger, destination: string): number
  /** Digests to record beside BLAKE3; default: none. */
  digests?: FixityKind[]
}

/** Starts a worker process of the built command line, and keeps it running. */
export async function startWorker<D extends WorkerDefinition>(
  definition: D,
  report: (report: WorkerReport<D>) => void = () => undefined,
): Promise<SupervisedWorker<D>> {
  const { script, isBuilt } = await commandScript(process.execPath)
  if (!isBuilt) throw new Error('the command line cannot be built')
  const find = (name: string) => pathToFileURL(path.join(path.dirname(script), `worker-${name}.js`))
  const starter = nodeWorkerStarter(find) as WorkerStarter<D['name']>
  const quiet = { nudge: () => undefined, log: () => undefined, condition: () => undefined }
  return new SupervisedWorker(definition, starter, { ...quiet, report })
}

/** Starts a receiver whose store is in a directory, with paired senders. */
export async function startReceiver(
  directory: string,
  paired: readonly { fingerprint: string; name: string }[],
) {
  const storeDirectory = path.join(directory, 'store')
  await pairBefore(storeDirectory, paired)
  let receiving: RunningReport | null = null
  const worker = await startWorker(receiverDefinition, (report) => {
    if ('port' in report) receiving = report
  })
  worker.configure({
    ...{ storeDirectory, setUpStores: path.join(directory, 'set-up'), host: '127.0.0.1', port: 0 },
    ...{ name: 'store', rules: DEFAULT_RULES, isocket: null },
  })
  const { port, fingerprint } = await until('the receiver', () => receiving)
  const address = { host: '127.0.0.1', port, fingerprint }
  return {
    storeDirectory,
    address,
    destination: { id: BENCH, kind: 'receiver', name: 'store', ...address } as const,
    pid: worker.state.pid ?? 0,
    peakMiB: () => peakMiB(worker.state.pid),
    stop: () => worker.stop(),
  }
}

/**
 * Sends a directory to a receiver on this computer; measures from the first look at it to the last durable file.
 * @param through returns the port to connect to instead of the receiver's.
 */
export async function sendWithHoldfast({
  through = (port) => Promise.resolve(port),
  ...options
}: SendOptions & { through?(port: number): Promise<number> }): Promise<Sent> {
  const { fingerprint } = await loadIdentity(path.join(options.directory, 'identity'))
  const receiver = await startReceiver(options.directory, [{ fingerprint, name: 'sender' }])
  try {
    const port = await through(receiver.destination.port)
    const sent = await sendTo({ destination: { ...receiver.destination, port }, secrets: {} }, options)
    return { ...sent, receiverMiB: receiver.peakMiB() }
  } finally {
    await receiver.stop()
  }
}

/** Sends a directory to a destination; measures from the first look at it to the last durable file. */
export async function sendTo(
  { destination, secrets }: Target,
  { source, before, directory, prepare, digests = [] }: SendOptions,
): Promise<Omit<Sent, 'receiverMiB'>> {
  const sender = await startWorker(senderDefinition)
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  const toSource = (id: string, at: string) => ({
    ...{ id, path: at, name: id, groupWriteMark: false, paused: false },
  })
  const config = {
    ...{ identityDirectory: path.join(directory, 'identity'), ledgerPath, secrets },
    sources: [
      { ...toSource('s', source), digests },
      ...(before === undefined ? [] : [toSource('before', before)]),
    ],
    ...{ paused: false, ...sendingSettingsSchema.parse({ retrySeconds: 1 }), keep: defaultSettings.keep },
    limit: { bytesPerSecond: null, schedule: [] },
  }
  // As the scanner does, each group of found files is announced.
  const offer = (id: string, from: string) => offerAll(ledger, id, from, destination.id, () => sender.nudge())
  const durable = (id: string, files: number) =>
    until(
      `the files of ${id} to be durable`,
      () => (ledger.totals(destination.id)[id]?.sentFiles ?? 0) >= files,
      WITHIN_MS,
    )
  try {
    if (before !== undefined) {
      sender.configure({ ...config, destination })
      await durable('before', offer('before', before))
    }
    // Prepared files must not leave before the clock starts.
    if (prepare !== undefined) sender.configure({ ...config, destination: null })
    const prepared = prepare?.(ledger, destination.id)
    const startedAt = performance.now()
    sender.configure({ ...config, destination })
    const files = prepared ?? offer('s', source)
    sender.nudge()
    await durable('s', files)
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, senderMiB: peakMiB(sender.state.pid) }
  } finally {
    ledger.close()
    await sender.stop()
  }
}

/** Adds all files of a directory to the ledger; returns their number. */
export function offerAll(
  ledger: Ledger,
  source: string,
  directory: string,
  destination: string,
  offered: () => void = () => undefined,
): number {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  for (let start = 0; start < entries.length; start += 500) {
    const candidates = entries.slice(start, start + 500).map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      const { size, mtimeNs, ctimeNs, ino, dev } = statSync(file, { bigint: true })
      const times = { mtimeNs, ctimeNs }
      return {
        ...{ source, path: path.relative(directory, file), size: Number(size) },
        ...{ ...times, inode: ino, device: dev },
      }
    })
    ledger.offer(destination, candidates)
    offered()
  }
  return entries.length
}

/** Writes back what was written before, so that nobody waits for it during another program's run. */
export const settle = () => execFileSync('sync')

/** Smaller files keep their content: they take little space. */
const FREED_FROM_BYTES = 64 * 1024

/**
 * Frees the space of a run's files without removing them. ext4 creates files several times slower for a minute after
 * many were removed: it passes over their inodes (recently_deleted, fs/ext4/ialloc.c).
 */
export function freeSpace(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile() && statSync(file).size >= FREED_FROM_BYTES) truncateSync(file)
  }
}

export function writeLoad({ files, bytes }: Omit<Load, 'name' | 'runs'>, directory: string): void {
  mkdirSync(directory, { recursive: true })
  const content = Buffer.alloc(bytes)
  for (let index = 0; index < files; index += 1) {
    const folder = path.join(directory, `d${Math.floor(index / 1000)}`)
    if (index % 1000 === 0) mkdirSync(folder, { recursive: true })
    // Random bytes: no program gains by compression, or by finding the same content again.
    writeFileSync(path.join(folder, `file${index}`), randomFillSync(content))
  }
  settle()
}
