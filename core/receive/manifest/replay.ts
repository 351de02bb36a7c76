import { closeSync, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs'
import path from 'node:path'
import { BEST_DIGEST, createHasher, digestText } from '../../files/digest.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import type { Note } from './notes.ts'
import type { Rows } from './rows.ts'

const READ_BYTES = 1024 * 1024
/** Times that differ by less are the same: doubles round. */
const SAME_TIME_MS = 1

type OfVersion = { folder: string; path: string; version: string }

/** null: nothing is there, maybe as a file has taken the place of a directory above it. */
function statsOrNull(file: string): Stats | null {
  try {
    return lstatSync(file)
  } catch (thrown) {
    if (isGone(errorCode(thrown))) return null
    throw thrown
  }
}

/** Size, time, mode and digest of a regular file. @throws what the system says. */
function factsOf(file: string) {
  const fd = openSync(file, READ_FILE)
  try {
    const { mtimeMs, mode } = fstatSync(fd)
    const hash = createHasher(BEST_DIGEST)
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let size = 0
    for (let bytes = readSync(fd, buffer); bytes > 0; bytes = readSync(fd, buffer)) {
      hash.update(buffer.subarray(0, bytes))
      size += bytes
    }
    return { size, mtimeMs, mode: mode & 0o777, digest: digestText(hash.digest()) }
  } finally {
    closeSync(fd)
  }
}

export interface Replay {
  note(note: Note): void
  /** A receiver that is gone was about to put a file there, `at` that time: what nothing later tells of is read. */
  place(place: string, at: number): void
}

/**
 * Brings the journal's notes into the manifest. Intents count for what the disk shows to have been done. A version
 * that the manifest has no content for (its receiver was killed before it wrote that down) is read.
 *
 * Blocks, and so belongs into a thread or a process of its own.
 */
export function openReplay(layout: StoreLayout, rows: Rows): Replay {
  const { add, apply } = rows.changes()
  const placeOf = ({ folder, path: at }: OfVersion) => path.join(layout.root, folder, at)
  const versionOf = ({ folder, path: at, version }: OfVersion) =>
    path.join(layout.root, ...layout.versions, folder, at, version)

  /** One place that the disk does not show must not keep all others out of the manifest: verify tells of it. */
  const statsOf = (file: string): Stats | null => {
    try {
      return statsOrNull(file)
    } catch (thrown) {
      if (statsOrNull(layout.root) === null) throw thrown
      return null
    }
  }

  /** Its content is the one that the manifest has in this place; if it has none, it is read. */
  const addVersion = (of: OfVersion): void => {
    const depth = of.path.split('/').length
    const known = rows.find(of.folder, of.path, '')
    const { folder, path: at, version } = of
    try {
      const row = known ?? { folder, path: at, ...factsOf(versionOf(of)), storedAt: Date.now() }
      add({ ...row, version, depth })
    } catch {
      // verify tells of what cannot be read.
    }
  }

  const keep = (of: OfVersion, stats: Stats | null): void => {
    const { folder, path: at, version } = of
    const isFile = stats?.isFile() === true
    if (isFile && rows.find(folder, at, version) !== null) return
    if (isFile && rows.find(folder, at, '') === null) addVersion(of)
    else apply({ did: 'kept', folder, path: at, version })
  }

  const replacing = (note: Extract<Note, { did: 'replacing' }>): void => {
    const version = statsOf(versionOf(note))
    if (version === null) return
    const there = statsOf(placeOf(note))
    if (there?.ino === version.ino) {
      // The older content has a second name, and is still in its place.
      if (rows.find(note.folder, note.path, note.version) === null) addVersion(note)
      return
    }
    keep(note, version)
    if (there !== null) apply({ ...note, did: 'placed', again: false })
  }

  const place = (below: string, at: number): void => {
    const [folder = '', ...rest] = below.split('/')
    const name = rest.join('/')
    const file = path.join(layout.root, below)
    try {
      const row = rows.find(folder, name, '')
      const stats = statsOf(file)
      if (stats?.isFile() !== true) return
      // Its line is there: if the content is another one now, verify has to say so.
      const isSame = row?.size === stats.size && Math.abs(row.mtimeMs - stats.mtimeMs) < SAME_TIME_MS
      if (row !== null && (isSame || row.storedAt >= at)) return
      add({ folder, path: name, ...factsOf(file), storedAt: Date.now(), version: '', depth: 0 })
    } catch {
      // verify tells of what cannot be read.
    }
  }

  const note = (one: Note) => {
    switch (one.did) {
      case 'replacing':
        return replacing(one)
      case 'moving': {
        const stats = statsOf(versionOf(one))
        if (stats !== null) keep(one, stats)
        return
      }
      case 'kept':
        return keep(one, statsOf(versionOf(one)))
      default:
        return apply(one)
    }
  }
  return { note, place }
}
