import { readFileSync } from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Checked, knownMountSchema } from '../check/checker-messages.ts'
import { warnUnlessCode } from '../dropped-errors.ts'
import { openKeptFile } from '../platform/replace-file.ts'
import type { KnownMounts } from './workers/configs.ts'

const memorySchema = z.object({
  knownMounts: z.record(z.string(), knownMountSchema).default({}),
})

/**
 * What the agent itself remembers over a restart, besides the settings: which file system each path was on.
 * It can be learnt anew, so a file that is broken, or cannot be written, only costs that knowledge.
 * @param onlyRead what is learnt now is not kept.
 */
export function openMemory(
  dataDirectory: string,
  onlyRead: boolean,
): {
  knownMounts(): KnownMounts
  /** The mounts that checks have found. Returns whether any of it is new, and does not wait for the disk. */
  remember(checked: readonly Checked[]): boolean
  /** Forgets all paths but these, by their ids. */
  keepOnly(ids: ReadonlySet<string>): void
  /** Resolves when the last of it is written, or could not be. */
  saved(): Promise<void>
} {
  const file = path.join(dataDirectory, 'memory.json')
  const kept = openKeptFile(file)
  let knownMounts = readKnownMounts(file)
  const setKnownMounts = (mounts: KnownMounts) => {
    knownMounts = mounts
    if (!onlyRead) kept.save(JSON.stringify({ knownMounts }))
  }
  return {
    knownMounts: () => knownMounts,
    remember: (checked) => {
      const known = checked.reduce(withMount, knownMounts)
      if (known === knownMounts) return false
      setKnownMounts(known)
      return true
    },
    keepOnly: (ids) => {
      // What sends once has none of the settings' paths, and may know the one that it is given.
      if (onlyRead) return
      setKnownMounts(Object.fromEntries(Object.entries(knownMounts).filter(([id]) => ids.has(id))))
    },
    saved: kept.saved,
  }
}

/** What the checker last knew, which stays while a disk is away. */
function withMount(known: KnownMounts, checked: Checked): KnownMounts {
  const { id, mount, readOnlyByIntent, soundErrorsCount } = checked
  if (mount === null) return known
  const now = { mount, readOnlyByIntent, soundErrorsCount }
  return isDeepStrictEqual(known[id], now) ? known : { ...known, [id]: now }
}

function readKnownMounts(file: string): KnownMounts {
  try {
    return memorySchema.parse(JSON.parse(readFileSync(file, 'utf8'))).knownMounts
  } catch (error) {
    return warnUnlessCode(
      error,
      ['ENOENT'],
      'the remembered mounts cannot be read; each is learned again',
      {},
    )
  }
}
