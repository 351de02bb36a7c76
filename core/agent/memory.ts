import Conf from 'conf'
import { z } from 'zod'
import { type Checked, knownMountSchema } from '../check/messages.ts'
import { type KnownMounts, rememberMount } from './workers/configs.ts'

const memorySchema = z.object({
  knownMounts: z.record(z.string(), knownMountSchema).default({}),
})

/**
 * What the agent itself remembers over a restart, besides the settings: which file system each path was on.
 * It can be learnt anew, so a broken file only costs that knowledge.
 * @param onlyRead what is learnt now is not kept.
 */
export function openMemory(
  dataDirectory: string,
  onlyRead: boolean,
): {
  knownMounts(): KnownMounts
  /** The mounts that checks have found. Returns whether any of it is new. */
  remember(checked: readonly Checked[]): boolean
  /** Forgets all paths but these, by their ids. */
  keepOnly(ids: ReadonlySet<string>): void
} {
  const conf = new Conf({
    cwd: dataDirectory,
    configName: 'memory',
    clearInvalidConfig: true,
    configFileMode: 0o600,
  })
  const parsed = memorySchema.safeParse(conf.store)
  let { knownMounts } = parsed.success ? parsed.data : memorySchema.parse({})
  const setKnownMounts = (mounts: KnownMounts) => {
    knownMounts = mounts
    if (onlyRead) return
    try {
      conf.store = { knownMounts }
    } catch {
      // The data directory's own disk is full or read-only, maybe the very disk that has just failed. What is
      // lost can be learnt anew, so it stops nothing.
    }
  }
  return {
    knownMounts: () => knownMounts,
    remember: (checked) => {
      const known = checked.reduce(rememberMount, knownMounts)
      if (known === knownMounts) return false
      setKnownMounts(known)
      return true
    },
    keepOnly: (ids) => {
      // What sends once has none of the settings' paths, and may know the one that it is given.
      if (onlyRead) return
      setKnownMounts(Object.fromEntries(Object.entries(knownMounts).filter(([id]) => ids.has(id))))
    },
  }
}
