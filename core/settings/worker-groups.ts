import { z } from 'zod'

// Groups of the settings that a worker gets whole: a new field needs no further line on its way there.

/** Checks. */
export const checkSettingsSchema = z.object({
  /** Seconds between two checks of one path. */
  intervalSeconds: z.number().int().min(1).max(3600).default(10),
  /** A healthy path that takes longer than this to answer, in seconds, is slow. */
  slowSeconds: z.number().min(0.01).max(3600).default(2),
  /** Reads the health of the disks below the paths: SMART, arrays, pools, file systems. */
  diskHealth: z.boolean().default(true),
})

/** Comparing and watching. */
export const scanSettingsSchema = z.object({
  /** Seconds between two comparisons of a whole source with the ledger (isocket: scan check_interval). */
  reconcileSeconds: z.number().int().min(5).max(86_400).default(300),
  /** If writers cannot be detected, a file is finished after this many seconds without a change. */
  quietSeconds: z.number().min(0.1).max(3600).default(5),
})
