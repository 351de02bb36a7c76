import type { Message } from '../../words/message.ts'
import type { HistoryAnswer, HistoryQuestion } from '../messages.ts'
import { openHistoryFile } from './history-file.ts'
import { type Columns, packColumns } from './packing.ts'
import { prune, usedBytes } from './pruning.ts'
import { answer } from './reading.ts'
import { openBlock, sealBlocks, sumHours } from './sealing.ts'
import { prepared } from './statements.ts'
import { MOST_BYTES } from './tiers.ts'

/** The database of delays and verdicts. Times are milliseconds since 1970. */
export interface HistoryStore {
  /** What was set aside when it was opened; null: nothing. */
  notice: Message | null
  /** The number of a path's id, for `write`. */
  numberOf(id: string): number
  /** Keeps checks in one short transaction. */
  write(checks: Columns): void
  ask(question: HistoryQuestion, now: number): HistoryAnswer
  /** Whether a block of time was closed since `tend` last ran to its end. */
  isTendingDue(now: number): boolean
  /** Closes blocks of time, sums hours up and removes what is old: one short transaction a step. */
  tend(now: number): Generator<void>
  bytes(): number
  close(): void
}

/** @throws what the system says if the file cannot be made or opened. */
export function openHistoryStore(file: string, mostBytes: number = MOST_BYTES): HistoryStore {
  const { database, notice } = openHistoryFile(file)
  let tendedFor = Number.NEGATIVE_INFINITY
  const find = (id: string) =>
    (prepared(database, 'SELECT id FROM path WHERE name = ?').get(id) as { id: number } | undefined)?.id
  return {
    notice,
    numberOf: (id) =>
      find(id) ?? Number(prepared(database, 'INSERT INTO path (name) VALUES (?)').run(id).lastInsertRowid),
    write: (checks) => {
      prepared(database, 'INSERT INTO recent (checks) VALUES (?)').run(packColumns(checks))
    },
    ask: (question, now) => {
      const path = find(question.id)
      return path === undefined ? { points: [], spanMs: 0 } : answer(database, path, question, now)
    },
    isTendingDue: (now) => openBlock(now) !== tendedFor,
    tend: function* (now) {
      const block = openBlock(now)
      yield* sealBlocks(database, now)
      yield* sumHours(database, now)
      yield* prune(database, now, mostBytes)
      tendedFor = block
    },
    bytes: () => usedBytes(database),
    close: () => database.close(),
  }
}
