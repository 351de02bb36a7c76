import { link, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { digestText } from '../../files/digest.ts'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { hasNoHardLinks } from '../../files/move-to-free.ts'
import { errorCode } from '../../files/system-error.ts'
import type { FileFacts } from '../file-facts.ts'
import { FileRefused, naming } from '../file-refused.ts'
import type { Change, Intent, Note } from '../manifest/notes.ts'
import { replacedAt, versionName } from '../versions/name.ts'
import type { Arrivals } from './arrivals.ts'
import type { Directories, Round } from './directories.ts'
import { toSync } from './directories.ts'
import { gatherIntents } from './intents.ts'
import type { Seen } from './same-content.ts'
import { holds } from './same-content.ts'

/** A file that is written and synced under a temporary name. */
export interface Written {
  temporary: string
  /** Below the store's root: sender, source, and the path's parts. */
  components: readonly string[]
  size: number
  /** Seconds since 1970. */
  mtime: number
  /** Permission bits. */
  mode: number
  digest: Uint8Array
  /** See FileFacts. */
  arrival?: FileFacts['arrival']
  /** Why only this very content, where it is stored already, is accepted; null: anything is. */
  unlessSame: FileRefused | null
  /** Of a large file: what is in its place, where that was found to hold the same content. */
  same: Seen | null
}

type Placed = Extract<Change, { did: 'placed' }>
type Kept = Extract<Change, { did: 'kept' }>

/** Places that are kept from everybody else. */
export interface Holding {
  /** Takes a place as well; false: somebody is at it. */
  add(place: string): boolean
  release(): void
}

export interface Placement {
  /** Puts the file in its place; true if this very content was there already. */
  place(written: Written, round: Round): Promise<boolean>
  /** Keeps everybody from places, all until it is released. */
  holdAll(): Holding
  /** Runs while nothing is put in this place. */
  alone<T>(components: readonly string[], work: () => Promise<T>): Promise<T>
}

function placedNote({ components, size, mtime, mode, digest }: Written, again: boolean): Placed {
  const [folder = '', ...rest] = components
  return {
    did: 'placed',
    folder,
    path: rest.join('/'),
    size,
    mtimeMs: mtime * 1000,
    mode: mode & 0o777,
    digest: digestText(digest),
    storedAt: Date.now(),
    again,
  }
}

function keptNote([folder = '', ...rest]: readonly string[], version: string): Kept {
  return { did: 'kept', folder, path: rest.join('/'), version }
}

/**
 * The time that the next version is named by. Their order is that of their names: where the clock was set back, the
 * next one is still the newest, or it would be the first to be removed.
 */
async function timeOfNext(directory: string): Promise<Date> {
  const times = (await readdir(directory)).map((name) => replacedAt(name) ?? 0)
  const newest = times.reduce((latest, time) => Math.max(latest, time), 0)
  return new Date(Math.max(Date.now(), newest + 1))
}

/**
 * Placing never loses what was there: other content under the same name is kept as a version first. Two
 * files for one place go one after the other.
 */
export function openPlacement(
  directories: Directories,
  versions: readonly string[],
  record: (notes: readonly Note[]) => Promise<void>,
  arrivals: Arrivals,
): Placement {
  const intend = gatherIntents(record)
  const busy = new Map<string, Promise<unknown>>()

  /** Runs `keep` with a version's path that is free, and gives back the version's name. */
  const toVersion = (
    components: readonly string[],
    round: Round,
    intentOf: (version: string) => Intent,
    keep: (version: string) => Promise<void>,
  ): Promise<string> => {
    const place = [...versions, ...components]
    return directories.inside(place, round, displace, async (directory) => {
      toSync(round, place)
      const at = await timeOfNext(directory)
      for (let attempt = 0; ; attempt += 1) {
        const name = versionName(at, attempt)
        await intend(intentOf(name))
        try {
          await keep(path.join(directory, name))
          return name
        } catch (thrown) {
          if (errorCode(thrown) !== 'EEXIST' || attempt >= 100) throw thrown
        }
      }
    })
  }

  /** Moves what is in the way (a directory where a file has to be, or the reverse) to the versions. */
  const moveAway = async (target: string, components: readonly string[], round: Round) => {
    const move = async (version: string) => {
      if ((await lstatOrNull(version)) !== null) throw Object.assign(new Error('taken'), { code: 'EEXIST' })
      toSync(round, components.slice(0, -1))
      await rename(target, version)
    }
    const intentOf = (version: string): Intent => ({ ...keptNote(components, version), did: 'moving' })
    const kept = await toVersion(components, round, intentOf, move)
    round.notes.push(keptNote(components, kept))
  }

  /** Below the versions nothing is ever in the way but a version itself. */
  const displace = async () => {
    throw new FileRefused('failed', 'EEXIST')
  }

  /** A hard link keeps the old content while the new one replaces it atomically. */
  const keepVersion = (target: string, written: Written, round: Round) => {
    const intentOf = (version: string): Intent => ({
      ...placedNote(written, false),
      did: 'replacing',
      version,
    })
    return toVersion(written.components, round, intentOf, async (version) => {
      try {
        await link(target, version)
      } catch (thrown) {
        // File systems without hard links (FAT): the name is missing for a moment instead.
        if (!hasNoHardLinks(thrown)) throw thrown
        if ((await lstatOrNull(version)) !== null) throw Object.assign(new Error('taken'), { code: 'EEXIST' })
        await rename(target, version)
      }
    })
  }

  const placeIn = async (directory: string, written: Written, round: Round): Promise<boolean> => {
    const { components, temporary } = written
    const target = path.join(directory, components.at(-1) ?? '')
    const stats = await naming(lstatOrNull(target))
    if (stats?.isSymbolicLink()) throw new FileRefused('name', 'symlink')
    let kept: string | null = null
    if (stats?.isFile()) {
      if (stats.size === written.size && (await holds(target, written).catch(() => false))) {
        // Of a file that was taken over while it waited for this, both connections have the one temporary file.
        await rm(temporary, { force: true })
        round.notes.push(placedNote(written, true))
        return true
      }
      if (written.unlessSame !== null) throw written.unlessSame
      kept = await keepVersion(target, written, round)
    } else if (written.unlessSame !== null) throw written.unlessSame
    else if (stats !== null) await moveAway(target, components, round)
    await naming(rename(temporary, target))
    if (kept !== null) round.notes.push(keptNote(components, kept))
    round.notes.push(placedNote(written, false))
    return false
  }

  const placeNow = async (written: Written, round: Round): Promise<boolean> => {
    if (arrivals.isOutdated(written)) throw new FileRefused('aborted', '')
    const parents = written.components.slice(0, -1)
    const isSame = await directories.inside(
      parents,
      round,
      (way, parts) => moveAway(way, parts, round),
      (directory) => {
        toSync(round, parents)
        return placeIn(directory, written, round)
      },
    )
    arrivals.placed(written)
    return isSame
  }

  const alone: Placement['alone'] = async (components, work) => {
    const key = components.join('/')
    const before = busy.get(key)
    const working = (before ?? Promise.resolve()).then(work)
    const settled = working.catch(() => undefined)
    busy.set(key, settled)
    try {
      return await working
    } finally {
      if (busy.get(key) === settled) busy.delete(key)
    }
  }

  const holdAll: Placement['holdAll'] = () => {
    const keys: string[] = []
    let free: () => void = () => undefined
    // One for all of them: there may be thousands.
    const held = new Promise<void>((resolve) => {
      free = resolve
    })
    return {
      add(key) {
        if (busy.has(key)) return false
        busy.set(key, held)
        keys.push(key)
        return true
      },
      release() {
        for (const key of keys) if (busy.get(key) === held) busy.delete(key)
        free()
      },
    }
  }

  return {
    holdAll,
    place: (written, round) => alone(written.components, () => placeNow(written, round)),
    alone,
  }
}
