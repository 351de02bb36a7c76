import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { replaceFile } from '../../platform/replace-file.ts'
import { type FrameHeader, frameKinds } from '../../protocol/frames.ts'
import type { Sender, Senders } from '../../store/senders/senders.ts'

/** What a sender last said of itself. Times in milliseconds since 1970, by the receiver's clock. */
const toldSchema = z.object({
  status: frameKinds.status.header,
  statusAt: z.number(),
  /** Since when it has said nothing but "failing"; null: that is not what it said last. */
  failingSince: z.number().nullable(),
})
export type ToldStatus = z.infer<typeof toldSchema>

/** By the folder of a sender. Times in milliseconds since 1970. */
const seenSchema = z.object({
  version: z.literal(1),
  seenAt: z.record(z.string(), z.number()),
  connected: z.array(z.string()),
  /** Not there in a file of before; one that is broken takes nothing else with it. */
  told: z.record(z.string(), toldSchema).catch({}),
})

export interface SeenSenders {
  seenAt: ReadonlyMap<string, number>
  /** As of the last write: only true while the receiver runs. */
  connected: readonly string[]
  told: ReadonlyMap<string, ToldStatus>
}

/** When senders were last connected is written this often at most: it is news for people, not for machines. */
export const SEEN_EVERY_MS = 5_000

/** Nothing is known where the file is missing or broken: it only informs. */
export async function readSeen(file: string): Promise<SeenSenders> {
  try {
    const { seenAt, connected, told } = seenSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    // Senders choose their folders' names: in an object "constructor" would always be found.
    return { seenAt: new Map(Object.entries(seenAt)), connected, told: new Map(Object.entries(told)) }
  } catch (error) {
    warnUnlessCode(error, ['ENOENT'], 'the times when senders were last seen cannot be read')
    return { seenAt: new Map(), connected: [], told: new Map() }
  }
}

/** What is known when a sender has told how it is. Pure. */
export function nextTold(before: ToldStatus | null, status: FrameHeader<'status'>, now: number): ToldStatus {
  // A beginning that is still to come is one of before the clock was set back.
  const failingSince = status.level === 'failing' ? Math.min(before?.failingSince ?? now, now) : null
  return { status, statusAt: now, failingSince }
}

export type SeenLog = Awaited<ReturnType<typeof openSeenLog>>

/** @param failed is told when the file cannot be written. */
export async function openSeenLog(file: string, failed: (reason: string) => void) {
  const before = await readSeen(file)
  const seenAt = new Map(before.seenAt)
  const told = new Map(before.told)
  let connected: string[] = []
  let written = ''
  let writing: Promise<void> | null = null

  const writeNow = async (): Promise<void> => {
    const known = { seenAt: Object.fromEntries(seenAt), connected, told: Object.fromEntries(told) }
    const text = JSON.stringify({ version: 1, ...known })
    if (text === written) return
    try {
      await replaceFile(file, `${text}\n`)
      written = text
    } catch (thrown) {
      failed(`${file}: ${String(thrown)}`)
    }
  }

  return {
    /** These senders are connected now. */
    note(folders: ReadonlySet<string>, now: number) {
      for (const folder of folders) seenAt.set(folder, now)
      connected = [...folders].sort()
    },
    /** One has told how it is: it takes the place of what it told before. */
    noteStatus(folder: string, status: FrameHeader<'status'>, now: number) {
      told.set(folder, nextTold(told.get(folder) ?? null, status, now))
    },
    seenAt: (folder: string) => seenAt.get(folder) ?? null,
    told: (folder: string) => told.get(folder) ?? null,
    /** Writes what is new; never rejects. */
    write() {
      // A write that hangs with its disk must not be followed by a queue of others.
      writing ??= writeNow().finally(() => {
        writing = null
      })
      return writing
    },
  }
}

/** What is known of a sender; times in milliseconds since 1970, by this computer's clock. */
export interface SenderState
  extends Pick<Sender, 'fingerprint' | 'name' | 'folder' | 'pairedAt'>,
    Omit<ToldStatus, 'status' | 'statusAt'> {
  /** When it was last connected; null: it never was. */
  seenAt: number | null
  connected: boolean
  /** What it last said of itself; null: it never did. */
  status: ToldStatus['status'] | null
  statusAt: number | null
}

/** Those that may send now: of one that was revoked nobody waits for anything. */
export function senderStates(
  senders: Pick<Senders, 'list' | 'accepted'>,
  seen: Pick<SeenLog, 'seenAt' | 'told'>,
  connected: ReadonlySet<string>,
): SenderState[] {
  return senders
    .list()
    .filter(({ fingerprint }) => senders.accepted(fingerprint) !== null)
    .map(({ fingerprint, name, folder, pairedAt }) => {
      const { status = null, statusAt = null, failingSince = null } = seen.told(folder) ?? {}
      const known = { seenAt: seen.seenAt(folder), connected: connected.has(folder) }
      return { fingerprint, name, folder, pairedAt, ...known, status, statusAt, failingSince }
    })
}
