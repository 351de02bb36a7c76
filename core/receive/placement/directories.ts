import { lstat, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { errorCode } from '../../files/system-error.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import { FileRefused, naming } from '../file-refused.ts'
import type { Note } from '../manifest/notes.ts'
import type { Held } from './held-directory.ts'
import { hold, holdRoot, NO_DIRECTORY } from './held-directory.ts'
import type { Home } from './store-disk.ts'

/** A directory below the store's root, as its components joined by "/"; the root itself is empty. */
export type Place = string

export const placeOf = (components: readonly string[]): Place => components.join('/')
const componentsOf = (place: Place): readonly string[] => (place === '' ? [] : place.split('/'))
const parentOf = (place: Place): Place => place.slice(0, Math.max(0, place.lastIndexOf('/')))

interface Shared {
  opening: Promise<Held>
  users: number
}

/** What one group commit works in, and has to sync at its end. */
export interface Round {
  /** Directories that are open now: who works in one, or below it, shares it. */
  open: Map<Place, Shared>
  /** Those of them that nobody is at, the one that has rested longest first. */
  idle: Set<Place>
  /** Directories whose entries have to become durable. */
  toSync: Set<Place>
  /** Directories whose own entry becomes durable with that. */
  entries: Set<Place>
  /** What it has done, for the manifest. */
  notes: Note[]
}

export const newRound = (): Round => ({
  open: new Map(),
  idle: new Set(),
  toSync: new Set(),
  entries: new Set(),
  notes: [],
})

export const toSync = (round: Round, components: readonly string[]): void =>
  void round.toSync.add(placeOf(components))

/** Moves a file away that stands where a directory has to be; `target` is a path to it. */
export type Displace = (target: string, components: readonly string[]) => Promise<void>

export interface Directories {
  /**
   * Runs `work` with a path to the directory that has these components below the root: made where it is missing, and
   * opened step by step, so that no symbolic link on the way is ever followed, even one that is put there meanwhile.
   * The path is good for as long as `work` runs.
   * @throws FileRefused, what the system says, or what `work` throws.
   */
  inside<T>(
    components: readonly string[],
    round: Round,
    displace: Displace,
    work: (directory: string) => Promise<T>,
  ): Promise<T>
  /** Syncs what the round touched; the directories that could not be synced, and why. */
  sync(round: Round): Promise<Map<Place, unknown>>
  /** All that the round touched was made durable in another way. */
  synced(round: Round): void
  /** Closes what the round has open; nobody is at it any more. */
  close(round: Round): void
}

/** Directories known to be durable themselves; when it is full it is begun again. */
const MAX_KNOWN = 20_000
/** Somebody may exchange a name again and again while it is opened; who does that waits. */
const OPEN_ATTEMPTS = 8
/** Directories that are synced at the same time: each of them is open meanwhile. */
const SYNCS_AT_ONCE = 64
/** Directories that a round keeps open for whoever comes next. */
const MOST_IDLE = 64

export function openDirectories(root: string, home: Home): Directories {
  // What an earlier process made it may not have synced, so a directory is known only after its first use.
  const known = new Set<Place>()
  const syncs = createSemaphore(SYNCS_AT_ONCE)

  const make = async (directory: string, place: Place): Promise<void> => {
    known.delete(place)
    try {
      await naming(mkdir(directory))
    } catch (thrown) {
      if (errorCode(thrown) !== 'EEXIST') throw thrown
    }
  }

  /** @param displace null: nothing is made or moved. */
  const openIn = async (
    parent: string,
    components: readonly string[],
    displace: Displace | null,
  ): Promise<Held> => {
    const directory = path.join(parent, components.at(-1) ?? '')
    const place = placeOf(components)
    // What is not known is mostly new.
    if (displace !== null && !known.has(place)) await make(directory, place)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await hold(directory)
      } catch (thrown) {
        const code = errorCode(thrown) ?? ''
        const mayBeMade = displace !== null && (code === 'ENOENT' || NO_DIRECTORY.has(code))
        const stats = NO_DIRECTORY.has(code) ? await lstat(directory).catch(() => null) : null
        if (stats?.isSymbolicLink()) throw new FileRefused('name', 'symlink')
        if (!mayBeMade || attempt === OPEN_ATTEMPTS) throw thrown
        if (stats !== null && !stats.isDirectory()) await displace(directory, components)
        await make(directory, place)
      }
    }
  }

  /** Opens it through its parent, which is open no longer than that. */
  const openBelow = (
    components: readonly string[],
    round: Round,
    displace: Displace | null,
  ): Promise<Held> =>
    components.length === 0
      ? home.check().then(() => holdRoot(root))
      : withOpen(components.slice(0, -1), round, displace, (parent) =>
          openIn(parent.path, components, displace),
        )

  const withOpen = async <T>(
    components: readonly string[],
    round: Round,
    displace: Displace | null,
    work: (held: Held) => Promise<T>,
  ): Promise<T> => {
    const place = placeOf(components)
    const shared = round.open.get(place) ?? { opening: openBelow(components, round, displace), users: 0 }
    round.open.set(place, shared)
    round.idle.delete(place)
    shared.users += 1
    let isOpen = false
    try {
      const held = await shared.opening
      isOpen = true
      return await work(held)
    } finally {
      shared.users -= 1
      if (shared.users === 0) rest(round, place, isOpen)
    }
  }

  const closeOne = (round: Round, place: Place): void => {
    const shared = round.open.get(place)
    round.open.delete(place)
    round.idle.delete(place)
    shared?.opening.then(({ close }) => close()).catch(() => undefined)
  }

  const rest = (round: Round, place: Place, isOpen: boolean): void => {
    if (isOpen) round.idle.add(place)
    else closeOne(round, place)
    const [oldest] = round.idle
    if (round.idle.size > MOST_IDLE && oldest !== undefined) closeOne(round, oldest)
  }

  /** The names on the way are parts of one text, which they share: a deep file has hundreds of them. */
  const note = (components: readonly string[], round: Round): void => {
    const whole = placeOf(components)
    for (let end = 0; end < whole.length; ) {
      const next = whole.indexOf('/', end + 1)
      end = next === -1 ? whole.length : next
      const place = whole.slice(0, end)
      if (known.has(place) || round.entries.has(place)) continue
      round.toSync.add(parentOf(place))
      round.entries.add(place)
    }
  }

  const knowEntries = (round: Round, failed: ReadonlyMap<Place, unknown>) => {
    if (known.size > MAX_KNOWN) known.clear()
    for (const place of round.entries) if (!failed.has(parentOf(place))) known.add(place)
  }

  return {
    inside: (components, round, displace, work) =>
      withOpen(components, round, displace, (held) => {
        note(components, round)
        return work(held.path)
      }),

    async sync(round) {
      const failed = new Map<Place, unknown>()
      const one = async (place: Place) => {
        await syncs.acquire()
        await withOpen(componentsOf(place), round, null, (held) => held.sync())
          .catch((thrown: unknown) => void failed.set(place, thrown))
          .finally(() => syncs.release())
      }
      await Promise.all([...round.toSync].map(one))
      knowEntries(round, failed)
      return failed
    },

    synced: (round) => knowEntries(round, new Map()),
    close(round) {
      for (const place of round.idle) closeOne(round, place)
    },
  }
}
