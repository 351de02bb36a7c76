import { z } from 'zod'
import { dropError } from '../../dropped-errors.ts'
import { messageSchema } from '../../lib/i18n/message-schema.ts'
import { mountIdentitySchema } from '../mount-identity.ts'
import { verdictKinds } from '../verdict-kinds.ts'

/** Milliseconds before a failure, and mostly after it, whose lines belong to it. */
export const AROUND_MS = 60_000
/** The kernel reports a task that hangs, or a server that does not respond, after two or three minutes. */
const HUNG_MS = 5 * 60_000
/** Returns the milliseconds after a failure whose lines belong to it. */
export const afterMs = (kind: EvidenceQuestion['kind']): number => (kind === 'hung' ? HUNG_MS : AROUND_MS)

/** A line of the kernel's log. */
export const kernelLineSchema = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  /** Level as in syslog(3): 0 (emergency) to 7 (debug). */
  level: z.number(),
  text: z.string(),
})
export type KernelLine = z.infer<typeof kernelLineSchema>

/** Limit of the files in one evidence. */
export const MOST_FILES = 20

/** The names by which the kernel's messages call a file system and what is below it. */
export interface DeviceNames {
  /** The file system's type as in mountinfo, such as "ext4" or "nfs4". */
  type: string
  /**
   * Devices and links, as the messages write them, and the file system's own device before all others: "sdb1", "sdb", "8:17", "ata3", "2:0:0:0", "host2", "nvme0",
   * "nvme0n1", "dm-3", "253:3", "vg-data", "md0", "session2", "connection2:0", "mmc0", "loop0", "usb 1-2".
   */
  names: ReadonlySet<string>
  /** The computer of a share; null: the file system is not a share. */
  server: string | null
}

/** A text of the system about a failed file system, as it was read. */
const factSchema = z.object({
  /** Where it stands, such as "/sys/fs/ext4/sdb1/first_error_func". */
  place: z.string(),
  text: z.string(),
})
export type Fact = z.infer<typeof factSchema>

/** Reports of the system about the failure of a path, from the minutes around it. */
export const evidenceSchema = z.object({
  /** Milliseconds since 1970 of the failure, and of the last reading. */
  failedAt: z.number(),
  readAt: z.number(),
  /** Sentences about the cause, and about the reaction of the file system; empty: no rule explains it. */
  cause: z.array(messageSchema),
  /** The kernel's lines about this file system, oldest first. */
  lines: z.array(kernelLineSchema),
  /** Number of further lines that were left out. */
  omitted: z.number(),
  /** Numbers of the inodes in which the file system found an error, at most MOST_FILES. */
  inodes: z.array(z.string()).default([]),
  /** Sentences about the files of these inodes that are known, at most MOST_FILES. */
  files: z.array(messageSchema).default([]),
  facts: z.array(factSchema),
  /** Sentences about sources that could not be read, with the command that permits it. */
  unread: z.array(messageSchema),
})
export type Evidence = z.infer<typeof evidenceSchema>

/** Returns evidence that was stored as text; null: the text is damaged, or another version has written it. */
export function parseEvidence(text: string): Evidence | null {
  try {
    return evidenceSchema.parse(JSON.parse(text))
  } catch (error) {
    return dropError(error, 'the incident is shown without evidence', null)
  }
}

export const evidenceQuestionSchema = z.object({
  path: z.string(),
  mount: mountIdentitySchema.nullable(),
  /** The kind of failure. A hung disk must not be asked again. */
  kind: z.enum(verdictKinds),
  /** The system's error name, such as ENOTCONN; null where no call failed. */
  code: z.string().nullable(),
  /** Milliseconds since 1970. */
  failedAt: z.number(),
})
export type EvidenceQuestion = z.infer<typeof evidenceQuestionSchema>
