import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { until } from '../support/until.ts'
import { monotonicMs } from './monotonic.ts'
import { median, type Row } from './row.ts'
import { startInotifywait } from './scan-inotifywait.ts'
import type { Places } from './scan-places.ts'
import { type BenchScanner, startScanner } from './scan-scanner.ts'
import { makeTree, treeDirectory } from './scan-trees.ts'

const DIRECTORIES = 1_000
const FILES_EACH = 100
const ROUNDS = 3

/**
 * How long a large tree takes to be watched: every directory has its watch, the first comparison begins, and a file
 * that is written now is reported. Counted from the configuration of a running scanner, as for a source that a person
 * adds; of inotifywait from its start to "Watches established.".
 */
export async function measureReady({ trees, ledgers, subject }: Places): Promise<Row[]> {
  const root = path.join(trees, 'ready')
  makeTree(root, DIRECTORIES, FILES_EACH)
  const rounds: { peer: number; watched: number; reported: number }[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const peer = await startInotifywait(root)
    await peer.stop()
    const place = path.join(ledgers, `ready${round}`)
    mkdirSync(place)
    rounds.push({
      peer: peer.establishedMs,
      ...(await readyOnce(() => startScanner(subject, place, root), root, round)),
    })
  }
  const of = (what: 'peer' | 'watched' | 'reported') => median(rounds.map((round) => round[what]))
  const title = `${(DIRECTORIES * FILES_EACH).toLocaleString('en')} files in ${DIRECTORIES.toLocaleString('en')} directories`
  const row = (metric: string, value: number, reference: Row['reference'], target: Row['target']): Row => ({
    metric: `${title}, ${metric}`,
    value,
    unit: 'ms',
    reference,
    target,
  })
  return [
    row('ready', of('watched'), null, { atMost: 500 }),
    row('ready, against inotifywait', of('watched'), { name: 'inotifywait', value: of('peer') }, null),
    row('close of a file written then to ledger', of('reported'), null, null),
  ]
}

async function readyOnce(
  start: () => Promise<BenchScanner>,
  root: string,
  round: number,
): Promise<{ watched: number; reported: number }> {
  const scanner = await start()
  try {
    const startedAt = scanner.configure()
    await scanner.watched()
    writeFileSync(path.join(root, treeDirectory(DIRECTORIES - 1), `f${round}`), 'now')
    const closedAt = monotonicMs()
    const files = DIRECTORIES * FILES_EACH + round + 1
    await until('the tree is in the ledger', () => scanner.waiting() === files)
    const { watchedAt, offeredAt } = await scanner.stamps()
    return {
      watched: (watchedAt ?? Number.NaN) - startedAt,
      reported: (offeredAt[round] ?? Number.NaN) - closedAt,
    }
  } finally {
    await scanner.stop()
  }
}
