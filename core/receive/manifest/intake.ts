import { closeSync, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../../sqlite.ts'
import type { StoreLayout } from '../layout.ts'
import type { Note } from './notes.ts'
import { parseNote } from './notes.ts'
import { openReplay } from './replay.ts'
import type { Rows } from './rows.ts'

/** So much of the journal is taken in by one transaction. */
const PIECE_BYTES = 128 * 1024

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

/**
 * Takes the journal into the manifest, a transaction for each piece. How far it came is in the same transaction, so
 * nothing is taken twice. Blocks, and so belongs into a thread or a process of its own.
 */
export function openIntake(layout: StoreLayout, database: DatabaseSyncInstance, rows: Rows) {
  const { journal: directory } = layout
  const replay = openReplay(layout, rows)
  const position = database.prepare('SELECT name, offset FROM journal')
  const move = database.prepare('INSERT OR REPLACE INTO journal (id, name, offset) VALUES (1, ?, ?)')

  const offsetIn = (name: string): number => {
    const at = position.get() as { name: string; offset: number } | undefined
    return at?.name === name ? at.offset : 0
  }

  /** Takes one piece; false: there is nothing more in this file now. */
  const takePiece = (name: string): boolean => {
    const offset = offsetIn(name)
    const { bytes } = readPiece(path.join(directory, name), offset)
    // Half a line is one that is being written, or that nobody finished; a line that fills the piece is none.
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    const taken = end > 0 ? end : bytes.length === PIECE_BYTES ? bytes.length : 0
    if (taken === 0) return false
    const lines = bytes.subarray(0, end).toString('utf8').split('\n')
    const notes = lines.map(parseNote).filter((note): note is Note => note !== null)
    inTransaction(database, () => {
      for (const note of notes) replay(note)
      move.run(name, offset + taken)
    })
    return true
  }

  return {
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
      const written = names.findLast((name) => tag !== null && name.endsWith(`-${tag}.jsonl`))
      for (const name of names.filter((one) => one.endsWith('.jsonl'))) {
        if (takePiece(name)) return true
        if (name !== written) rmSync(path.join(directory, name))
      }
      return false
    },
  }
}
