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
 * Opens the agent's own memory across restarts, besides the settings: the file system of each path. All of it can be
 * learned again, so a broken or unwritable file only loses that knowledge.
 * @param onlyRead new knowledge is not saved
 */
export function openKnownMounts(
  dataDirectory: string,
  onlyRead: boolean,
): {
  knownMounts(): KnownMounts
  /** Stores the mounts found by checks. Returns true if any is new. Does not wait for the disk. */
  remember(checked: readonly Checked[]): boolean
  /** Removes all paths except these ids. */
  keepOnly(ids: ReadonlySet<string>): void
  /** Resolves when the last write has succeeded or failed. */
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
      // A one-shot run does not load the settings' paths; its own path may be among the known ones.
      if (onlyRead) return
      setKnownMounts(Object.fromEntries(Object.entries(knownMounts).filter(([id]) => ids.has(id))))
    },
    saved: kept.saved,
  }
}

/** Adds the mount that a check found. An absent disk keeps the last known mount. */
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
