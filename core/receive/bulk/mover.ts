import { digestText } from '../../files/digest.ts'
import { FileRefused } from '../file-refused.ts'
import type { Note } from '../manifest/notes.ts'
import type { Arrivals, Arrived } from '../placement/arrivals.ts'
import type { Directories, Round } from '../placement/directories.ts'
import { newRound } from '../placement/directories.ts'
import type { Placement, Written } from '../placement/placement.ts'
import type { Pending } from './pending.ts'

/** A file and its place, below the store's root; null: it has to go the long way. */
export interface Move {
  file: Pending
  to: string | null
}

/** Decides which files can simply get their names. */
export interface Mover {
  /**
   * Makes their directories, tells the manifest what is about to be done, and keeps others from the places until
   * `finish` is called. A file goes the long way if something else goes on in its place, or its directory is none.
   */
  prepare(files: readonly Pending[]): Promise<{
    moves: Move[]
    /** These are in their places, durably: the manifest hears of them. */
    finish(placed: readonly Move[]): Promise<void>
  }>
  asWritten(file: Pending): Written
}

/** What is in the way is dealt with by whoever comes the long way. */
const leave = async () => {
  throw new FileRefused('failed', 'EEXIST')
}

/** The manifest, as far as the store tells it. Neither rejects. */
export interface Journal {
  /** Makes the notes durable. */
  record(notes: readonly Note[]): Promise<void>
  /** These places below the root are about to get files: a receiver that is killed meanwhile leaves that behind. */
  announce(places: readonly string[]): Promise<void>
}

function noteOf({ facts, digest }: Pending, storedAt: number): Note {
  const { folder, source, path, size, mtimeMs, mode } = facts
  return {
    did: 'placed',
    folder,
    path: `${source}/${path}`,
    size,
    mtimeMs,
    mode: mode & 0o777,
    digest: digestText(digest),
    storedAt,
    again: false,
  }
}

const arrivedOf = ({ components, facts: { arrival } }: Pending): Arrived => ({ components, arrival })

export function createMover(
  directories: Directories,
  placement: Pick<Placement, 'holdAll'>,
  { record, announce }: Journal,
  arrivals: Arrivals,
): Mover {
  const isThere = (components: readonly string[], round: Round): Promise<boolean> =>
    directories.inside(components, round, leave, async () => true).catch(() => false)

  const asWritten = ({ temporary, components, digest, facts }: Pending): Written => {
    const { size, mtimeMs, mode, arrival } = facts
    const mtime = mtimeMs / 1000
    return { temporary, components, size, mtime, mode, digest, arrival, unlessSame: null, same: null }
  }

  return {
    asWritten,
    async prepare(files) {
      const round = newRound()
      const found = new Map<string, boolean>()
      const moves: Move[] = []
      const holding = placement.holdAll()
      for (const file of files) {
        const place = file.components.join('/')
        const directory = place.slice(0, place.lastIndexOf('/'))
        const isIn = found.get(directory) ?? (await isThere(file.components.slice(0, -1), round))
        found.set(directory, isIn)
        const isWanted = isIn && !arrivals.isOutdated(arrivedOf(file))
        moves.push({ file, to: isWanted && holding.add(place) ? place : null })
      }
      directories.close(round)
      const places = moves.flatMap(({ to }) => to ?? [])
      if (places.length > 0) await announce(places)
      return {
        moves,
        async finish(placed) {
          for (const { file } of placed) arrivals.placed(arrivedOf(file))
          holding.release()
          if (placed.length === 0) return
          directories.synced(round)
          const storedAt = Date.now()
          await record(placed.map(({ file }) => noteOf(file, storedAt)))
        },
      }
    },
  }
}
