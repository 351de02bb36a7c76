import Conf from 'conf'
import { z } from 'zod'
import { mountIdentitySchema } from '../check/messages.ts'
import type { KnownMounts } from './workers/configs.ts'

const memorySchema = z.object({
  knownMounts: z
    .record(z.string(), z.object({ mount: mountIdentitySchema, readOnlyByIntent: z.boolean() }))
    .default({}),
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
  setKnownMounts(mounts: KnownMounts): void
} {
  const conf = new Conf({
    cwd: dataDirectory,
    configName: 'memory',
    clearInvalidConfig: true,
    configFileMode: 0o600,
  })
  const parsed = memorySchema.safeParse(conf.store)
  let { knownMounts } = parsed.success ? parsed.data : memorySchema.parse({})
  return {
    knownMounts: () => knownMounts,
    setKnownMounts: (mounts) => {
      knownMounts = mounts
      if (onlyRead) return
      try {
        conf.store = { knownMounts }
      } catch {
        // The data directory's own disk is full or read-only, maybe the very disk that has just failed. What is
        // lost can be learnt anew, so it stops nothing.
      }
    },
  }
}
