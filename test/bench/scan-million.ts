import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdirSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { type FoundFile, type Ledger, openLedger } from '../../core/ledger/ledger.ts'
import { until } from '../support/until.ts'
import { monotonicMs } from './monotonic.ts'
import { measureUsage, peakMiB } from './process-tree.ts'
import { median, type Row } from './row.ts'
import type { Places } from './scan-places.ts'
import { type BenchScanner, DESTINATION, LEDGER, SOURCE, startScanner } from './scan-scanner.ts'
import { makeTree, treeDirectory } from './scan-trees.ts'

const DIRECTORIES = 1_000
const FILES_EACH = 1_000
const TOUCHED = 1_000
const ROUNDS = 3

/** Compares a million files, all of which are durable already, with the ledger, against `find` on the same tree. */
export async function measureMillion({ trees, ledgers, subject }: Places): Promise<Row[]> {
  const root = path.join(trees, 'million')
  const place = path.join(ledgers, 'million')
  mkdirSync(place)
  makeTree(root, DIRECTORIES, FILES_EACH)
  const ledger = openLedger(path.join(place, LEDGER))
  try {
    offerAll(ledger, root)
    return await measureScanner(await startScanner(subject, place, root), root, ledger)
  } finally {
    ledger.close()
    rmSync(root, { recursive: true, force: true })
  }
}

async function measureScanner(scanner: BenchScanner, root: string, ledger: Ledger): Promise<Row[]> {
  try {
    scanner.configure()
    await until('the tree is watched', () => scanner.phase() === 'watching', 120_000)
    const peer: number[] = []
    const ours: number[] = []
    const cpu: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      peer.push(await findSeconds(root))
      const cpuBefore = measureUsage(scanner.pid).cpuMicroseconds
      const startedAt = monotonicMs()
      await scanner.reconcile()
      ours.push((monotonicMs() - startedAt) / 1000)
      cpu.push((measureUsage(scanner.pid).cpuMicroseconds - cpuBefore) / 1e6)
    }
    const unchanged = scanner.waiting()
    const touched = touch(root)
    await scanner.reconcile()
    await until('the touched files wait', () => scanner.waiting() >= TOUCHED)
    const offered = ledger.take(DESTINATION, SOURCE, 2 * TOUCHED, Date.now(), new Set())
    const right = offered.filter((file) => touched.has(file.path)).length
    const name = `find -printf`
    const row = (metric: string, value: number, unit: string, rest: Partial<Row> = {}): Row => ({
      metric: `1,000,000 files reconciled, ${metric}`,
      value,
      unit,
      reference: null,
      target: null,
      ...rest,
    })
    return [
      row('time', median(ours), 's', { reference: { name, value: median(peer) } }),
      row('CPU', median(cpu), 's', { reference: { name: `time of ${name}`, value: median(peer) } }),
      row('peak memory of the scanner', peakMiB(scanner.pid), 'MiB', { target: { atMost: 200 } }),
      row('offered again although the same', unchanged, 'files', { target: { atMost: 0 } }),
      row(`${TOUCHED} touched, of them offered again`, right, 'files', { target: { atLeast: TOUCHED } }),
      row(`${TOUCHED} touched, others offered`, offered.length - right, 'files', { target: { atMost: 0 } }),
    ]
  } finally {
    await scanner.stop()
  }
}

/** What `find` takes to read the same of each file. */
async function findSeconds(root: string): Promise<number> {
  const startedAt = monotonicMs()
  const find = spawn('find', [root, '-type', 'f', '-printf', '%s %T@ %i\\n'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(find, 'exit')
  if (code !== 0) throw new Error(`find ended with ${code}`)
  return (monotonicMs() - startedAt) / 1000
}

/** As after a first run: every file is in the ledger and was sent. */
function offerAll(ledger: Ledger, root: string): void {
  for (const name of readdirSync(root)) {
    const candidates: FoundFile[] = readdirSync(path.join(root, name)).map((file) => {
      const {
        size,
        mtimeNs,
        ctimeNs,
        ino: inode,
        dev: device,
      } = lstatSync(path.join(root, name, file), { bigint: true })
      return { source: SOURCE, path: `${name}/${file}`, size: Number(size), mtimeNs, ctimeNs, inode, device }
    })
    ledger.offer(DESTINATION, candidates)
    const due = ledger.take(DESTINATION, SOURCE, FILES_EACH, Date.now(), new Set())
    ledger.markSent(
      due.map(({ id, generation }) => ({ id, generation, mark: false })),
      Date.now(),
    )
  }
}

/** Gives files all over the tree another time, each by inode and size the same; returns their paths. */
function touch(root: string): Set<string> {
  const paths = Array.from(
    { length: TOUCHED },
    (_, one) => `${treeDirectory(one)}/file${(one * 7) % FILES_EACH}.dat`,
  )
  for (const file of paths) utimesSync(path.join(root, file), 1_000_000, 1_000_000)
  return new Set(paths)
}
