import { closeSync, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../../sqlite.ts'
import type { StoreLayout } from '../layout.ts'
import { replacedAt } from '../versions/name.ts'
import type { JournalEnd } from './journal.ts'
import { isWrittenBy } from './journal.ts'
import type { Note } from './notes.ts'
import { parseNote } from './notes.ts'
import { hasPlaces, takePlaces } from './places.ts'
import { openReplay } from './replay.ts'
import type { Rows } from './rows.ts'

/** So much of the journal is taken in by one transaction: more than one round of the store writes. */
const PIECE_BYTES = 1024 * 1024
/** An intent that nothing came of for so long has failed, in milliseconds. */
const FAILED_AFTER_MS = 60_000

const LINE_FEED = 0x0a

function readPiece(file: string, offset: number): { bytes: Buffer; size: number } {
  const fd = openSync(file, 'r')
  try {
    const { size } = fstatSync(fd)
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(PIECE_BYTES, size - offset)))
    return { bytes: bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset)), size }
  } finally {
    closeSync(fd)
  }
}

/** How many bytes the first lines have. */
function endOfLines(bytes: Buffer, count: number): number {
  let end = 0
  for (let line = 0; line < count; line += 1) end = bytes.indexOf(LINE_FEED, end) + 1
  return end
}

/**
 * Where the first intent is that its receiver may still be at: what comes of it is not to be seen on the disk yet, and
 * would not be known if the receiver were killed after that.
 */
function firstUndecided(notes: readonly (Note | null)[], now: number): number {
  const key = ({ path: at, version, folder }: Exclude<Note, { did: 'placed' }>) =>
    `${folder}/${at}/${version}`
  const kept = new Set(notes.map((note) => (note?.did === 'kept' ? key(note) : '')))
  const found = notes.findIndex(
    (note) =>
      (note?.did === 'replacing' || note?.did === 'moving') &&
      !kept.has(key(note)) &&
      // A name far ahead is of a clock that was set back: nobody can wait until it is that time again.
      Math.abs(now - (replacedAt(note.version) ?? 0)) < FAILED_AFTER_MS,
  )
  return found === -1 ? notes.length : found
}

/**
 * Takes the journal into the manifest, a transaction for each piece. How far it came is in the same transaction, so
 * nothing is taken twice. Blocks, and so belongs into a thread or a process of its own.
 */
export function openIntake(layout: StoreLayout, database: DatabaseSyncInstance, rows: Rows) {
  const { journal: directory } = layout
  const replay = openReplay(layout, rows)
  const position = database.prepare('SELECT name, offset FROM journal')
  const positionNow = () => (position.get() as JournalEnd | undefined) ?? null
  const move = database.prepare('INSERT OR REPLACE INTO journal (id, name, offset) VALUES (1, ?, ?)')

  const offsetIn = (name: string): number => {
    const at = positionNow()
    return at?.name === name ? at.offset : 0
  }

  let isWaiting = false

  /** Takes one piece; false: there is nothing more in this file now. `isWritten`: its receiver still writes it. */
  const takePiece = (name: string, isWritten: boolean): boolean => {
    const offset = offsetIn(name)
    const { bytes } = readPiece(path.join(directory, name), offset)
    // Half a line is one that is being written, or that nobody finished; a line that fills the piece is none.
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1)
    const notes = lines.map(parseNote)
    const isWhole = bytes.length === PIECE_BYTES
    const count = isWritten && !isWhole ? firstUndecided(notes, Date.now()) : notes.length
    if (isWritten) isWaiting = count < notes.length
    const upTo = count === notes.length ? end : endOfLines(bytes, count)
    const taken = end > 0 ? upTo : isWhole ? bytes.length : 0
    if (taken === 0) return false
    inTransaction(database, () => {
      for (const note of notes.slice(0, count)) if (note !== null) replay.note(note)
      move.run(name, offset + taken)
    })
    return true
  }

  return {
    /** How far it came; null: nowhere yet. */
    get position() {
      return positionNow()
    },
    /** The receiver that runs is at something that has to be waited for: what comes after it is not in yet. */
    get isWaiting() {
      return isWaiting
    },
    /**
     * Takes one piece in, of the oldest file first. False: all is in. Files that are taken in go, but for the last one
     * with this tag: its process still writes it, maybe before it has told anybody.
     */
    step(tag: string | null): boolean {
      let names: string[]
      try {
        names = readdirSync(directory).sort()
      } catch {
        return false
      }
      const written = names.findLast((name) => tag !== null && isWrittenBy(tag, name))
      for (const name of names.filter((one) => one.endsWith('.jsonl'))) {
        if (takePiece(name, name === written)) return true
        if (name !== written) rmSync(path.join(directory, name))
      }
      if (hasPlaces(names)) inTransaction(database, () => takePlaces(directory, tag, replay.place))
      return false
    },
  }
}
