import { z } from 'zod'

// Without what else the restorer knows: the window's script needs this, too.

/** A computer that has something at a destination. */
export const computerSchema = z.object({
  /** Its folder there, which it is chosen by. */
  folder: z.string(),
  /** What it is called; null: nobody has written that down. */
  name: z.string().nullable(),
  isOwn: z.boolean(),
  /** What it has there is opened with an age identity only. */
  isEncrypted: z.boolean(),
  /** So are its names: without the identity only everything can be restored. */
  hidesNames: z.boolean(),
})
export type Computer = z.infer<typeof computerSchema>
