import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import { workerHeap } from '../../core/agent/workers/starter.ts'
import { SupervisedWorker } from '../../core/agent/workers/supervisor.ts'
import { loadIdentity } from '../../core/protocol/identity.ts'
import type { RunningReport } from '../../core/receive/receiver-messages.ts'
import { receiverDefinition } from '../support/transfer/receiver-worker.ts'
import { until } from '../support/until.ts'
import { bundle } from './bundle.ts'
import type { Restored, RestoreOrder } from './restore-once.ts'
import type { Row } from './row.ts'
import { peakMiB, receiverStarter, sendWithHoldfast } from './transfer-ends.ts'
import { startRsyncDaemon } from './transfer-rsync.ts'
import { type Load, settle, writeLoad } from './write-load.ts'

const SMALL: Load = { name: '20,000 × 4 KiB', files: 20_000, bytes: 4096, runs: 3 }
const LARGE: Load = { name: '1 GiB', files: 1, bytes: 1024 ** 3, runs: 2 }
const MEMORY_MIB = 200

/** Bringing files back from a receiver, durable at the end, against rsync's daemon on the same files. */
export async function run(): Promise<Row[]> {
  await ensurePackages(['rsync'], 'the benchmark of restoring')
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const ends = path.join(directory, 'ends')
  try {
    await bundle(ends, [
      ...['sender', 'receiver'].map((name) => `test/bench/transfer-${name}`),
      ...['reader', 'store'].map((name) => `cli/workers/${name}-thread`),
      'test/bench/restore-once',
    ])
    const rows: Row[] = []
    for (const load of [SMALL, LARGE]) rows.push(...(await againstRsync(load, directory, ends)))
    return rows
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function againstRsync(load: Load, directory: string, ends: string): Promise<Row[]> {
  const base = path.join(directory, `load-${load.files}`)
  const source = path.join(base, 'source')
  mkdirSync(base)
  writeLoad(load, source)
  const daemon = await startRsyncDaemon(base)
  daemon.send(source, 'all', [])
  await sendWithHoldfast({ ends, source, directory: base })
  const receiver = await startReceiver(ends, base)
  const ours: Restored[] = []
  const theirs: number[] = []
  const synced: number[] = []
  try {
    for (let round = 0; round < load.runs; round += 1) {
      settle()
      ours.push(await restoreOnce(ends, { ...receiver.order, to: path.join(base, `ours-${round}`) }))
      settle()
      theirs.push(daemon.fetch('all', path.join(base, `theirs-${round}`), []))
      settle()
      synced.push(daemon.fetch('all', path.join(base, `synced-${round}`), ['--fsync']))
    }
    const receiverMiB = receiver.peak()
    const value = Math.min(...ours.map(({ seconds }) => seconds))
    const row = (name: string, value: number, unit: string): Pick<Row, 'metric' | 'value' | 'unit'> => ({
      metric: `${load.name}: ${name}`,
      value,
      unit,
    })
    const seconds = row('restored from a receiver, durable', value, 's')
    const memory = { reference: null, target: { atMost: MEMORY_MIB } }
    const most = Math.max(...ours.map((one) => one.peakMiB))
    return [
      { ...seconds, reference: { name: 'rsync', value: Math.min(...theirs) }, target: { atMost: 1 } },
      { ...seconds, reference: { name: 'rsync --fsync', value: Math.min(...synced) }, target: { atMost: 1 } },
      { ...row('memory of the restore', most, 'MiB'), ...memory },
      { ...row('memory of the receiver', receiverMiB, 'MiB'), ...memory },
    ]
  } finally {
    daemon.stop()
    await receiver.stop()
  }
}

/** The receiver, once more, on the store that was filled. */
async function startReceiver(ends: string, base: string) {
  let receiving: RunningReport | null = null
  const receiver = new SupervisedWorker(receiverDefinition, receiverStarter(ends), {
    ...{ nudge: () => undefined, log: () => undefined, condition: () => undefined },
    report: (report) => {
      if ('port' in report) receiving = report
    },
  })
  const storeDirectory = path.join(base, 'store')
  const { fingerprint: sender } = await loadIdentity(path.join(base, 'identity'))
  const paired = [{ fingerprint: sender, name: 'sender' }]
  receiver.configure({ storeDirectory, host: '127.0.0.1', port: 0, name: 'store', paired })
  const { port, fingerprint } = await until('the receiver', () => receiving)
  const destination = {
    id: 'bench',
    kind: 'receiver',
    name: 'store',
    host: '127.0.0.1',
    port,
    fingerprint,
  } as const
  const order = { destination, identityDirectory: path.join(base, 'identity'), folder: 's' }
  return { order, peak: () => peakMiB(receiver.state.pid), stop: () => receiver.stop() }
}

function restoreOnce(ends: string, order: RestoreOrder): Promise<Restored> {
  return new Promise((resolve, reject) => {
    const script = path.join(ends, 'test/bench/restore-once.js')
    const child = fork(script, { execArgv: [...workerHeap('restorer')] })
    child.once('message', (restored) => resolve(restored as Restored))
    child.once('exit', (code) => reject(new Error(`the restore ended: ${code}`)))
    child.send(order)
  })
}
