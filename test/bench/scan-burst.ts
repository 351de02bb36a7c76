import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { until } from '../support/until.ts'
import { measureUsage, peakMiB } from './process-tree.ts'
import { median, quantile, type Row } from './row.ts'
import { BURST, burstDirectory, type Scenario, scenarios, WARM_UP, WARM_UP_WORD } from './scan-burst-plan.ts'
import { startInotifywait } from './scan-inotifywait.ts'
import type { Places } from './scan-places.ts'
import { startScanner } from './scan-scanner.ts'

const ROUNDS = 3
/** Nothing new for so long after the last file: what has not come does not come any more. */
const SILENT_MS = 1_500

const titles: Record<Scenario, string> = {
  existing: '20,000 files in 200 directories',
  new: '20,000 files in 200 new directories',
  nested: '20,000 files in 200 new nested directories',
}

/** One burst as one watcher saw it. */
interface Seen {
  reported: number
  /** Milliseconds from the file's close to its report, of those that were reported. */
  p50: number
  p99: number
  cpuMs: number
  peakMiB: number
}

/** The same burst before inotifywait and before the scanner, in turns; the median of each figure. */
export async function measureBursts(places: Places): Promise<Row[]> {
  const rows: Row[] = []
  for (const scenario of scenarios) {
    const rounds: { peer: Seen; heard: Seen; offered: Seen }[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const within = (name: string): Places => ({
        subject: places.subject,
        // On the disk, too: in memory the writer alone keeps two processors busy.
        trees: path.join(places.ledgers, scenario, `${round}`, name, 'tree'),
        ledgers: path.join(places.ledgers, scenario, `${round}`, name),
      })
      const peer = await before(scenario, within('peer'), seenByInotifywait)
      const [heard, offered] = await before(scenario, within('ours'), seenByScanner)
      rounds.push({ peer, heard, offered })
    }
    rows.push(...buildRows(titles[scenario], rounds))
  }
  return rows
}

function buildRows(title: string, rounds: { peer: Seen; heard: Seen; offered: Seen }[]): Row[] {
  const of = (who: 'peer' | 'heard' | 'offered', what: keyof Seen) =>
    median(rounds.map((round) => round[who][what]))
  const least = (who: 'peer' | 'offered') => Math.min(...rounds.map((round) => round[who].reported))
  const name = 'inotifywait'
  const row = (
    metric: string,
    unit: string,
    who: 'heard' | 'offered',
    what: keyof Seen,
    atMost?: number,
  ): Row => ({
    metric: `${title}, ${metric}`,
    value: of(who, what),
    unit,
    reference: { name, value: of('peer', what) },
    target: atMost === undefined ? null : { atMost },
  })
  return [
    {
      metric: `${title}, in the ledger`,
      value: least('offered'),
      unit: 'files',
      reference: null,
      target: { atLeast: BURST.files },
    },
    {
      metric: `${title}, reported by inotifywait`,
      value: least('peer'),
      unit: 'files',
      reference: null,
      target: null,
    },
    row('close to watcher p50', 'ms', 'heard', 'p50'),
    row('close to watcher p99', 'ms', 'heard', 'p99', 2),
    row('close to ledger p50', 'ms', 'offered', 'p50'),
    // Without a target: what inotifywait reports nobody has written down.
    row('close to ledger p99', 'ms', 'offered', 'p99'),
    row('CPU', 'ms', 'offered', 'cpuMs'),
    row('peak memory', 'MiB', 'offered', 'peakMiB'),
  ]
}

/** Writes the burst, or the one before it; gives when each file was closed. */
type Burst = (what?: typeof WARM_UP_WORD) => Promise<number[]>

async function before<T>(
  scenario: Scenario,
  places: Places,
  see: (places: Places, burst: Burst) => Promise<T>,
): Promise<T> {
  const { trees: root, ledgers } = places
  for (const directory of [root, ledgers]) mkdirSync(directory, { recursive: true })
  if (scenario === 'existing') {
    for (let one = 0; one < BURST.directories; one += 1)
      mkdirSync(path.join(root, burstDirectory(scenario, one)))
  }
  const out = path.join(ledgers, 'closed.json')
  const writer = path.join(import.meta.dirname, 'scan-burst-writer.ts')
  return see(places, async (what) => {
    await promisify(execFile)(process.execPath, [writer, root, what ?? scenario, out])
    return JSON.parse(readFileSync(out, 'utf8')) as number[]
  })
}

async function seenByInotifywait({ trees: root }: Places, burst: Burst): Promise<Seen> {
  const peer = await startInotifywait(root)
  try {
    await burst(WARM_UP_WORD)
    const cpuBefore = measureUsage(peer.pid).cpuMicroseconds
    const closedAt = await burst()
    await noMore(() => countKnown(peer.reportedAt))
    return { ...seen(closedAt, peer.reportedAt), ...costSince(peer.pid, cpuBefore) }
  } finally {
    await peer.stop()
  }
}

/** As it came out of the watcher, and as it was in the ledger. */
async function seenByScanner(places: Places, burst: Burst): Promise<[Seen, Seen]> {
  const scanner = await startScanner(places.subject, places.ledgers, places.trees)
  try {
    scanner.configure()
    await until('the tree is watched', () => scanner.phase() === 'watching')
    await burst(WARM_UP_WORD)
    await until('the first burst is in the ledger', () => scanner.waiting() === WARM_UP)
    const cpuBefore = measureUsage(scanner.pid).cpuMicroseconds
    const closedAt = await burst()
    await noMore(() => scanner.waiting() - WARM_UP)
    const cost = costSince(scanner.pid, cpuBefore)
    const { heardAt, offeredAt } = await scanner.stamps()
    return [
      { ...seen(closedAt, heardAt), ...cost },
      { ...seen(closedAt, offeredAt), ...cost },
    ]
  } finally {
    await scanner.stop()
  }
}

async function noMore(count: () => number): Promise<void> {
  let last = -1
  for (let now = count(); now < BURST.files && now !== last; now = count()) {
    last = now
    await delay(SILENT_MS)
  }
}

function costSince(pid: number, cpuBefore: number): Pick<Seen, 'cpuMs' | 'peakMiB'> {
  return { cpuMs: (measureUsage(pid).cpuMicroseconds - cpuBefore) / 1000, peakMiB: peakMiB(pid) }
}

function seen(closedAt: number[], reportedAt: (number | null)[]): Omit<Seen, 'cpuMs' | 'peakMiB'> {
  const latencies = reportedAt.flatMap((at, index) => {
    const closed = closedAt[index]
    return at === null || at === undefined || closed === undefined ? [] : [at - closed]
  })
  return {
    reported: latencies.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  }
}

function countKnown(times: (number | null)[]): number {
  return times.reduce<number>((count, at) => (at === null ? count : count + 1), 0)
}
