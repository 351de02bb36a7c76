import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { replaceFile } from '../../files/replace-file.ts'

/** By the folder of a sender. Times in milliseconds since 1970. */
const seenSchema = z.object({
  version: z.literal(1),
  seenAt: z.record(z.string(), z.number()),
  connected: z.array(z.string()),
})

export interface Seen {
  seenAt: Record<string, number>
  /** As of the last write: only true while the receiver runs. */
  connected: readonly string[]
}

/** When senders were last connected is written this often at most: it is news for people, not for machines. */
export const SEEN_EVERY_MS = 5_000

/** Nothing is known where the file is missing or broken: it only informs. */
export async function readSeen(file: string): Promise<Seen> {
  try {
    return seenSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return { seenAt: {}, connected: [] }
  }
}

export interface SeenLog {
  /** These senders are connected now. */
  note(folders: ReadonlySet<string>, now: number): void
  seenAt(folder: string): number | null
  /** Writes what is new; never rejects. */
  write(): Promise<void>
}

/** @param failed is told when the file cannot be written. */
export async function openSeenLog(file: string, failed: (reason: string) => void): Promise<SeenLog> {
  const { seenAt } = await readSeen(file)
  let connected: string[] = []
  let written = ''
  let writing: Promise<void> | null = null

  const writeNow = async (): Promise<void> => {
    const text = JSON.stringify({ version: 1, seenAt, connected })
    if (text === written) return
    try {
      await replaceFile(file, `${text}\n`)
      written = text
    } catch (thrown) {
      failed(`${file}: ${String(thrown)}`)
    }
  }

  return {
    note(folders, now) {
      for (const folder of folders) seenAt[folder] = now
      connected = [...folders].sort()
    },
    seenAt: (folder) => seenAt[folder] ?? null,
    write() {
      // A write that hangs with its disk must not be followed by a queue of others.
      writing ??= writeNow().finally(() => {
        writing = null
      })
      return writing
    },
  }
}
