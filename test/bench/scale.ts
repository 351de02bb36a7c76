import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SupervisedWorker } from '../../core/agent/workers/supervisor.ts'
import { createSemaphore } from '../../core/lib/async/semaphore.ts'
import { type Identity, loadIdentity } from '../../core/protocol/identity.ts'
import type { RunningReport } from '../../core/receive/receiver-messages.ts'
import { receiverDefinition } from '../support/transfer/receiver-worker.ts'
import { until } from '../support/until.ts'
import { measureUsage, peakMiB } from './process-tree.ts'
import { quantile, type Row } from './row.ts'
import { connectSender, type Load, type Served } from './scale-senders.ts'
import { bundleEnds, receiverStarter } from './transfer-ends.ts'

const SENDERS = 200
const LOAD: Load = { files: 500, bytes: 4096, together: 25 }
/** A receiver lets so many of one address in at a time (listener.ts); stations have addresses of their own. */
const HANDSHAKES = 12
/** What a station sends that has one new file a second. */
const TRICKLE: Load = { files: 5, bytes: 4096, together: 1 }

type Sender = Awaited<ReturnType<typeof connectSender>>

async function sendAll(senders: readonly Sender[], load: Load) {
  const began = performance.now()
  const served = await Promise.all(
    senders.map(async (sender) => ({
      ...(await sender.send(load)),
      seconds: (performance.now() - began) / 1000,
    })),
  )
  return { served, seconds: (performance.now() - began) / 1000 }
}

const getDelays = (served: readonly Served[]) => served.flatMap(({ delays }) => delays)
const row = (metric: string, value: number, unit: string, target: Row['target'] = null): Row => ({
  metric,
  value,
  unit,
  reference: null,
  target,
})

/** What one receiver holds: many senders at once over TLS on this machine, which sends, too. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-scale-'))
  const ends = path.join(directory, 'ends')
  await bundleEnds(ends)
  const names = Array.from({ length: SENDERS }, (_, index) => `station-${index + 1}`)
  const identities = await Promise.all(names.map((name) => loadIdentity(path.join(directory, 'ids', name))))
  let receiving: RunningReport | null = null
  const starter = receiverStarter(ends)
  const receiver = new SupervisedWorker(receiverDefinition, starter, {
    nudge: () => undefined,
    log: () => undefined,
    condition: () => undefined,
    report: (report) => {
      if ('port' in report) receiving = report
    },
  })
  const storeDirectory = path.join(directory, 'store')
  const paired = identities.map(({ fingerprint }, index) => ({ fingerprint, name: names[index] ?? '' }))
  try {
    receiver.configure({ storeDirectory, host: '127.0.0.1', port: 0, name: 'store', paired })
    const { port, fingerprint } = await until('the receiver', () => receiving)
    const pid = receiver.state.pid ?? 0
    const idle = measureUsage(pid)
    const peer = { host: '127.0.0.1', port, fingerprint }
    const began = performance.now()
    const turns = createSemaphore(HANDSHAKES)
    const connect = async (identity: Identity, index: number) => {
      await turns.acquire()
      return connectSender(peer, identity, names[index] ?? '').finally(() => turns.release())
    }
    const senders = await Promise.all(identities.map(connect))
    const connected = (performance.now() - began) / 1000
    const resting = measureUsage(pid)
    // Sessions that have begun, and code that is compiled.
    await sendAll(senders, { ...LOAD, files: LOAD.together })
    const burst = await sendAll(senders, LOAD)
    const busy = measureUsage(pid)
    const peak = peakMiB(pid)
    const trickle = await sendAll(senders, TRICKLE)
    for (const sender of senders) sender.close()
    const seconds = burst.served.map((one) => one.seconds)
    const files = burst.served.reduce((sum, one) => sum + one.files, 0)
    const manifest = statSync(path.join(storeDirectory, '.holdfast/manifest.db')).size
    return [
      row('senders served of 200', burst.served.filter((one) => one.files === LOAD.files).length, '', {
        atLeast: SENDERS,
      }),
      row('slowest sender / fastest sender', Math.max(...seconds) / Math.min(...seconds), '', { atMost: 2 }),
      row('200 connections with their handshakes', connected, 's'),
      row('files a second, 200 senders at once', files / burst.seconds, '/s'),
      row('a file among them, p50', quantile(getDelays(burst.served), 0.5), 'ms'),
      row('a file among them, p99', quantile(getDelays(burst.served), 0.99), 'ms'),
      row('200 senders, one file each at a time, p50', quantile(getDelays(trickle.served), 0.5), 'ms'),
      row('200 senders, one file each at a time, p99', quantile(getDelays(trickle.served), 0.99), 'ms'),
      row('threads of the receiver, idle', idle.threads, ''),
      row('threads of the receiver, 200 senders', busy.threads, '', { atMost: idle.threads + 16 }),
      row(
        'memory a sender that is connected',
        ((resting.residentMiB - idle.residentMiB) / SENDERS) * 1024,
        'KiB',
      ),
      row('memory of the receiver, most', peak, 'MiB', { atMost: 512 }),
      row('manifest a file', manifest / (files + SENDERS * (LOAD.together + TRICKLE.files)), 'bytes'),
    ]
  } finally {
    await receiver.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
