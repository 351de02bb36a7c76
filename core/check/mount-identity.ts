import { z } from 'zod'

/** The file system that a path is on. */
export const mountIdentitySchema = z.object({
  point: z.string(),
  /** major:minor of mountinfo(5). */
  device: z.string(),
  type: z.string(),
  source: z.string(),
})
export type MountIdentity = z.infer<typeof mountIdentitySchema>
