import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import { loadIdentity } from '../../core/protocol/identity.ts'
import { type RestoreReport, restorerDefinition } from '../../core/restore/restore-messages.ts'
import type { Destination } from '../../core/settings/destination-schema.ts'
import { peakMiB } from '../support/process-tree.ts'
import { until } from '../support/until.ts'
import { type Load, sendWithHoldfast, settle, startReceiver, startWorker, writeLoad } from './ends.ts'
import { startRsyncDaemon } from './peers.ts'
import type { Row } from './row.ts'

const SMALL: Load = { name: '20,000 × 4 KiB', files: 20_000, bytes: 4096, runs: 3 }
const LARGE: Load = { name: '1 GiB', files: 1, bytes: 1024 ** 3, runs: 2 }
const MEMORY_MIB = 200
const WITHIN_MS = 300_000

/** Restores files from a receiver, durable at the end, against rsync's daemon on the same files. */
export async function* run(): AsyncGenerator<Row> {
  await ensurePackages(['rsync'], 'the benchmark of restoring')
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  try {
    for (const load of [SMALL, LARGE]) yield* await againstRsync(load, directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function againstRsync(load: Load, directory: string): Promise<Row[]> {
  const base = path.join(directory, `load-${load.files}`)
  const source = path.join(base, 'source')
  mkdirSync(base)
  writeLoad(load, source)
  const daemon = await startRsyncDaemon(base)
  await daemon.send(source, 'all', [])
  await sendWithHoldfast({ source, directory: base })
  const { fingerprint } = await loadIdentity(path.join(base, 'identity'))
  const receiver = await startReceiver(base, [{ fingerprint, name: 'sender' }])
  const ours: Restored[] = []
  const theirs: number[] = []
  const synced: number[] = []
  try {
    for (let round = 0; round < load.runs; round += 1) {
      settle()
      ours.push(await restoreOnce(receiver.destination, base, path.join(base, `ours-${round}`)))
      settle()
      theirs.push(await daemon.fetch('all', path.join(base, `theirs-${round}`), []))
      settle()
      synced.push(await daemon.fetch('all', path.join(base, `synced-${round}`), ['--fsync']))
    }
    const receiverMiB = receiver.peakMiB()
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

interface Restored {
  seconds: number
  peakMiB: number
}

/** Restores the folder by a new restorer process, which is connected when the clock starts. */
async function restoreOnce(destination: Destination, base: string, to: string): Promise<Restored> {
  let report: RestoreReport | null = null
  const restorer = await startWorker(restorerDefinition, (news) => {
    report = news
  })
  const from = {
    ...{ destination, secrets: {}, identityDirectory: path.join(base, 'identity'), name: 'bench' },
    ...{ computer: null, key: null },
  }
  try {
    restorer.configure({}, true)
    await restorer.request('folders', { from })
    const choice = { folder: 's', path: null, version: null, at: null }
    const how = { placement: 'bare', conflict: 'leave', missingOnly: false } as const
    const startedAt = performance.now()
    await restorer.request('start', {
      ...{ from, ledger: path.join(base, 'ledger.db') },
      wanted: [{ choice, destination: to, ...how }],
    })
    const { phase, failed } = await until(
      'the end of the restore',
      () => report !== null && report.phase !== 'running' && report,
      WITHIN_MS,
    )
    if (phase !== 'done' || failed > 0) throw new Error(`the restore ended: ${phase}, ${failed} failed`)
    return { seconds: (performance.now() - startedAt) / 1000, peakMiB: peakMiB(restorer.state.pid) }
  } finally {
    await restorer.stop()
  }
}
