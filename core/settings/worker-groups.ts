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

/** Sending to a destination. Each sender connects anew after a change. */
export const sendingSettingsSchema = z.object({
  /** Maximum delay between two attempts to connect to the receiver (isocket: error_retry_interval). */
  retrySeconds: z.number().int().min(1).max(3600).default(60),
  /**
   * Maximum number of versions per hour that are sent of one file of 16 MiB or more; the limit is higher for smaller
   * files. A file that changes all the time would otherwise use all bandwidth, and fill the destination.
   */
  versionsPerHour: z.number().int().min(1).max(3_600).default(12),
})
