import { fork } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { workerEnvironment, workerHeap } from '../../core/agent/workers/starter.ts'
import { openLedger } from '../../core/ledger/ledger.ts'
import type { FromWorker } from '../../core/lib/workers/definition.ts'
import type { Scanned } from '../../core/scan/scanner-messages.ts'
import { sourceSchema } from '../../core/settings/schema.ts'
import { until } from '../support/until.ts'
import { monotonicMs } from './monotonic.ts'
import { WATCHED } from './scan-burst-plan.ts'

export const DESTINATION = 'bench'
export const SOURCE = 's'
export const LEDGER = 'ledger.db'

/** What the subject writes down: by the file's number, milliseconds of the monotonic clock. */
export interface Stamps {
  heardAt: (number | null)[]
  offeredAt: (number | null)[]
  watchedAt: number | null
}

export interface BenchScanner {
  readonly pid: number
  /** Gives it the tree as its source; returns when that was. */
  configure(): number
  phase(): Scanned['phase'] | null
  /** Has it compare the tree with the ledger; resolves when it has. */
  reconcile(): Promise<void>
  /** Resolves as soon as every directory is watched. */
  watched(): Promise<void>
  /** Files that wait in its ledger. */
  waiting(): number
  stamps(): Promise<Stamps>
  stop(): Promise<void>
}

/** Starts the scanner process `subject` on one tree, with a ledger and stamps in `directory`. */
export async function startScanner(subject: string, directory: string, root: string): Promise<BenchScanner> {
  const stampsPath = path.join(directory, 'stamps.json')
  const ledgerPath = path.join(directory, LEDGER)
  const child = fork(subject, [stampsPath], {
    env: workerEnvironment(512, process.env),
    execArgv: [...workerHeap('scanner')],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let ready = false
  let phase: Scanned['phase'] | null = null
  let answered = 0
  const watched = new Promise<void>((resolve) => {
    child.on('message', (raw) => {
      if (raw === WATCHED) resolve()
    })
  })
  child.on('message', (raw) => {
    if (raw === WATCHED) return
    const message = raw as FromWorker
    if (message.type === 'ready') ready = true
    if (message.type === 'response') answered = message.id
    if (message.type === 'report')
      phase = (message.report as { scanned: Scanned[] }).scanned[0]?.phase ?? phase
  })
  await until('the scanner process', () => ready)
  const ledger = openLedger(ledgerPath)
  const config = {
    sources: [sourceSchema.parse({ id: SOURCE, path: root, name: 'source' })],
    ledgerPath,
    destinations: [DESTINATION],
    reconcileSeconds: 86_400,
    quietSeconds: 2,
  }
  let requests = 0
  return {
    pid: child.pid ?? 0,
    configure: () => {
      const at = monotonicMs()
      child.send({ type: 'configure', config })
      return at
    },
    phase: () => phase,
    reconcile: async () => {
      requests += 1
      const id = requests
      child.send({ type: 'request', id, name: 'reconcile', input: {} })
      await until('the comparison', () => answered >= id, 120_000)
    },
    watched: () => watched,
    waiting: () => ledger.totals(DESTINATION)[SOURCE]?.waitingFiles ?? 0,
    stamps: async () => {
      rmSync(stampsPath, { force: true })
      child.kill('SIGUSR2')
      await until('the stamps', () => existsSync(stampsPath))
      return JSON.parse(readFileSync(stampsPath, 'utf8')) as Stamps
    },
    stop: async () => {
      child.kill('SIGKILL')
      await exited
      ledger.close()
    },
  }
}
