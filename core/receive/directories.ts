import { lstat, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { syncDirectory } from '../wire/fd.ts'
import { errorCode } from '../words/problem.ts'
import { FileRefused } from './file-refused.ts'
import type { Note } from './manifest/notes.ts'

/** What one group commit has looked at, and what it has to sync at its end. */
export interface Round {
  checked: Map<string, Promise<void>>
  /** Directories whose entries have to become durable. */
  toSync: Set<string>
  /** Directories whose own entry becomes durable with that. */
  entries: Set<string>
  /** What it has done, for the manifest. */
  notes: Note[]
}

export const newRound = (): Round => ({
  checked: new Map(),
  toSync: new Set(),
  entries: new Set(),
  notes: [],
})

export interface Directories {
  /**
   * The directory below the root with these components: made where it is missing, and no symbolic link on
   * the way. `displace` moves a file away that stands where a directory has to be.
   * @throws FileRefused, or what the system says.
   */
  ensure(
    components: readonly string[],
    round: Round,
    displace: (target: string, components: readonly string[]) => Promise<void>,
  ): Promise<string>
  /** Syncs what the round touched; the directories that could not be synced, and why. */
  sync(round: Round): Promise<Map<string, unknown>>
  /** All that the round touched was made durable in another way. */
  synced(round: Round): void
}

/** Directories known to be durable themselves; when it is full it is begun again. */
const MAX_KNOWN = 20_000

export function openDirectories(root: string): Directories {
  // What an earlier process made it may not have synced, so a directory is known only after its first use.
  const known = new Set<string>()

  const makeOne = async (directory: string): Promise<void> => {
    known.delete(directory)
    try {
      await mkdir(directory)
    } catch (thrown) {
      if (errorCode(thrown) !== 'EEXIST') throw thrown
    }
  }

  const knowEntries = (round: Round, failed: ReadonlyMap<string, unknown>) => {
    if (known.size > MAX_KNOWN) known.clear()
    for (const entry of round.entries) if (!failed.has(path.dirname(entry))) known.add(entry)
  }

  return {
    async ensure(components, round, displace) {
      const check = async (directory: string, parts: readonly string[]): Promise<void> => {
        const stats = await lstat(directory).catch((thrown: unknown) => {
          if (errorCode(thrown) === 'ENOENT') return null
          throw thrown
        })
        if (stats?.isSymbolicLink()) throw new FileRefused('name', 'symlink')
        if (stats !== null && !stats.isDirectory()) await displace(directory, parts)
        if (stats === null || !stats.isDirectory()) await makeOne(directory)
        if (known.has(directory)) return
        round.toSync.add(path.dirname(directory))
        round.entries.add(directory)
      }
      let directory = root
      for (let depth = 1; depth <= components.length; depth += 1) {
        directory = path.join(directory, components[depth - 1] ?? '')
        const checking = round.checked.get(directory) ?? check(directory, components.slice(0, depth))
        round.checked.set(directory, checking)
        await checking
      }
      return directory
    },

    async sync(round) {
      const failed = new Map<string, unknown>()
      const one = (directory: string) =>
        syncDirectory(directory).catch((thrown: unknown) => void failed.set(directory, thrown))
      await Promise.all([...round.toSync].map(one))
      knowEntries(round, failed)
      return failed
    },

    synced: (round) => knowEntries(round, new Map()),
  }
}
