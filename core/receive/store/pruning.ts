import type { Dirent } from 'node:fs'
import { lstat, opendir, rm } from 'node:fs/promises'
import path from 'node:path'
import { errorCode } from '../../files/system-error.ts'
import { createLimitedLog } from '../../pacing/limited-log.ts'
import type { StoreLayout } from '../layout.ts'
import type { Note } from '../manifest/notes.ts'
import type { Placement } from '../placement/placement.ts'
import type { Keep } from '../versions/choose.ts'
import { versionsToPrune } from '../versions/choose.ts'
import { isVersionName } from '../versions/name.ts'

/** The whole tree of versions is looked through this often, in milliseconds: for age, and for what was missed. */
const SWEEP_EVERY_MS = 3_600_000
/** Places with new versions that wait to be looked at; beyond it the next sweep finds them. */
const MOST_WAITING = 10_000
/** Names of one directory that are held at a time. */
const MOST_NAMES = 20_000

export interface Pruning {
  /** Looks at what these notes have added, soon. */
  noticed(notes: readonly Note[]): void
  sweep(): Promise<void>
  /** Resolves when the step that is under way is over. */
  close(): Promise<void>
}

export interface PruningHost {
  alone: Placement['alone']
  record(notes: readonly Note[]): Promise<void>
  log(text: string): void
}

/**
 * Removes older versions beyond what is kept, one place after the other, behind the transfer. The manifest forgets a
 * version durably before it is removed: after a crash in between the file is merely unknown, and goes with the next
 * sweep.
 */
export function openPruning(layout: StoreLayout, keep: Keep, host: PruningHost): Pruning {
  const isOff = keep.versions === null && keep.days === null
  const waiting = new Map<string, string[]>()
  let working: Promise<void> = Promise.resolve()
  let isWorking = false
  let over = false

  const directoryOf = (place: readonly string[]) => path.join(layout.root, ...layout.versions, ...place)

  const complaints = createLimitedLog(host.log)
  const complain = (thrown: unknown) => {
    if (errorCode(thrown) !== 'ENOENT') complaints(`older versions cannot be removed: ${String(thrown)}`)
  }

  const hasCurrent = async (place: readonly string[]): Promise<boolean> => {
    const stats = await lstat(path.join(layout.root, ...place)).catch(() => null)
    return stats?.isFile() === true
  }

  const remove = async (place: readonly string[], names: readonly string[]): Promise<void> => {
    const [folder = '', ...rest] = place
    const at = rest.join('/')
    if (names.length === 0) return
    await host.record(names.map((version) => ({ did: 'pruned', folder, path: at, version })))
    for (const name of names)
      await rm(path.join(directoryOf(place), name), { recursive: true, force: true }).catch(complain)
  }

  /**
   * A directory with such a name is a version where a file has taken its place; elsewhere it may as well be a directory
   * of the sender's that is called so, with the versions of what is in it.
   */
  const isVersion = (entry: Dirent, isCurrent: boolean) =>
    isVersionName(entry.name) && (isCurrent || !entry.isDirectory())

  /** Of a directory with very many names the oldest go piece by piece. */
  const prunePlace = (place: readonly string[]): Promise<void> =>
    host.alone(place, async () => {
      const isCurrent = await hasCurrent(place)
      let held: string[] = []
      const prune = async () => {
        const going = new Set(versionsToPrune(held, keep, isCurrent, Date.now()))
        await remove(place, [...going])
        held = keep.versions === null ? held.slice(-1) : held.filter((name) => !going.has(name))
      }
      for await (const entry of await opendir(directoryOf(place))) {
        if (over) return
        if (isVersion(entry, isCurrent)) held.push(entry.name)
        if (held.length >= MOST_NAMES) await prune()
      }
      await prune()
    })

  /** Looks at what is in a place, and at all below it; whether there are versions of it. */
  const lookBelow = async (place: readonly string[]): Promise<boolean> => {
    const isCurrent = await hasCurrent(place)
    let hasVersions = false
    for await (const entry of await opendir(directoryOf(place))) {
      if (over) return false
      if (isVersion(entry, isCurrent)) hasVersions = true
      else if (entry.isDirectory()) await sweepBelow([...place, entry.name])
    }
    return hasVersions
  }

  /**
   * Looks at a place and all below it; a version that is a directory is one version, whatever it holds. What fails at
   * one place keeps no other from its turn, hour after hour.
   */
  const sweepBelow = async (place: readonly string[]): Promise<void> => {
    try {
      if (await lookBelow(place)) await prunePlace(place)
    } catch (thrown) {
      complain(thrown)
    }
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    working = working.then(work).catch(complain)
    return working
  }

  const workOff = async (): Promise<void> => {
    for (const [key, place] of waiting) {
      if (over) break
      waiting.delete(key)
      await prunePlace(place).catch(complain)
    }
    isWorking = false
  }

  const sweep = () => (isOff ? Promise.resolve() : inTurn(() => sweepBelow([])))
  const timer = setInterval(() => void sweep(), SWEEP_EVERY_MS)
  timer.unref()

  return {
    noticed(notes) {
      if (isOff || over) return
      for (const note of notes) {
        if (note.did !== 'kept' || waiting.size >= MOST_WAITING) continue
        waiting.set(`${note.folder}/${note.path}`, [note.folder, ...note.path.split('/')])
      }
      if (waiting.size === 0 || isWorking) return
      isWorking = true
      void inTurn(workOff)
    },
    sweep,
    async close() {
      over = true
      clearInterval(timer)
      await working
      complaints.end()
    },
  }
}
