import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Checked, knownMountSchema } from '../../../check/checker-messages.ts'
import { openKeptFile } from '../../../platform/files.ts'
import type { KnownMounts } from '../../workers/configs.ts'

const memorySchema = z.object({
  knownMounts: z.record(z.string(), knownMountSchema).default({}),
})

/**
 * Opens the agent's own memory across restarts, besides the settings: the file system of each path. All of it can be
 * learned again, so an unusable or unwritable file only loses that knowledge.
 * @param isReadOnly new knowledge is not saved
 */
export function openKnownMounts(dataDirectory: string, isReadOnly: boolean) {
  const kept = openKeptFile(path.join(dataDirectory, 'memory.json'), isReadOnly)
  let knownMounts = kept.load(
    (text): KnownMounts => memorySchema.parse(JSON.parse(text)).knownMounts,
    {},
    'the remembered mounts cannot be read; each is learned again',
  )
  const setKnownMounts = (mounts: KnownMounts) => {
    knownMounts = mounts
    kept.save(JSON.stringify({ knownMounts }))
  }
  return {
    knownMounts: () => knownMounts,
    /** Stores the mounts found by checks. Returns true if any is new. Does not wait for the disk. */
    remember: (checked: readonly Checked[]): boolean => {
      const known = checked.reduce(withMount, knownMounts)
      if (known === knownMounts) return false
      setKnownMounts(known)
      return true
    },
    /** Removes all paths except these ids. */
    keepOnly: (ids: ReadonlySet<string>): void => {
      // A one-shot run does not load the settings' paths; its own path may be among the known ones.
      if (isReadOnly) return
      setKnownMounts(Object.fromEntries(Object.entries(knownMounts).filter(([id]) => ids.has(id))))
    },
    /** Resolves when the last write has succeeded or failed. */
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
