import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { replaceFile } from '../../platform/files.ts'
import { type FrameHeader, frameKinds } from '../../protocol/frames.ts'
import { isAccepted, type Sender, type Senders } from '../../store/senders/senders.ts'

/** The last status report of a sender. Times in milliseconds since 1970, by the receiver's clock. */
const toldSchema = z.object({
  status: frameKinds.status.header,
  statusAt: z.number(),
  /** Since when all its reports have been "failing"; null: the last report was not. */
  failingSince: z.number().nullable(),
})
export type ToldStatus = z.infer<typeof toldSchema>

/** A sender's usage of the store. */
const usageSchema = z.object({
  /** Older versions included. */
  files: z.number(),
  bytes: z.number(),
  /** Bytes that it may still store, by its quota and the disk's free space; null: not known yet. */
  spaceBytes: z.number().nullable(),
})
export type SenderUsage = z.infer<typeof usageSchema>

/** Keyed by the folder of a sender. Times in milliseconds since 1970. */
const seenSchema = z.object({
  version: z.literal(1),
  seenAt: z.record(z.string(), z.number()),
  connected: z.array(z.string()),
  /** Missing in older files. An invalid value is dropped without affecting the other fields. */
  told: z.record(z.string(), toldSchema).catch({}),
  usage: z.record(z.string(), usageSchema).catch({}),
  /** True if the sender took proposed settings on its last connection. */
  takesProposals: z.record(z.string(), z.boolean()).catch({}),
  /** The longest absence of each of the last days on which it was connected, in milliseconds, today's last. */
  absences: z.record(z.string(), z.array(z.number())).catch({}),
})

export interface SeenSenders {
  seenAt: ReadonlyMap<string, number>
  /** As of the last write; valid only while the receiver runs. */
  connected: readonly string[]
  told: ReadonlyMap<string, ToldStatus>
  usage: ReadonlyMap<string, SenderUsage>
  takesProposals: ReadonlyMap<string, boolean>
  absences: ReadonlyMap<string, readonly number[]>
}

/** Minimum interval of writing the last-seen times: they are for display only. */
export const SEEN_EVERY_MS = 5_000

/** Reads the file. Returns empty records if it is missing or broken, because they are for display only. */
export async function readSeen(file: string): Promise<SeenSenders> {
  try {
    const { connected, ...known } = seenSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    // Maps, because senders choose their folder names: an object would always contain "constructor".
    return {
      seenAt: new Map(Object.entries(known.seenAt)),
      connected,
      told: new Map(Object.entries(known.told)),
      usage: new Map(Object.entries(known.usage)),
      takesProposals: new Map(Object.entries(known.takesProposals)),
      absences: new Map(Object.entries(known.absences)),
    }
  } catch (error) {
    warnUnlessCode(error, ['ENOENT'], 'the times when senders were last seen cannot be read')
    const none = { seenAt: new Map(), told: new Map(), usage: new Map(), takesProposals: new Map() }
    return { ...none, absences: new Map(), connected: [] }
  }
}

const DAY_MS = 86_400_000
const KEPT_DAYS = 14

/** Returns the longest absence of each day, including that since `seenAt`. Pure. */
function nextAbsences(before: readonly number[], seenAt: number, now: number): number[] {
  const isNewDay = Math.floor(seenAt / DAY_MS) !== Math.floor(now / DAY_MS)
  const [days, today = 0] = isNewDay ? [before] : [before.slice(0, -1), before.at(-1)]
  return [...days, Math.max(today, now - seenAt)].slice(-KEPT_DAYS)
}

/** Returns the record after a new status report. Pure. */
export function nextTold(before: ToldStatus | null, status: FrameHeader<'status'>, now: number): ToldStatus {
  // A start in the future dates from before the clock was set back.
  const failingSince = status.level === 'failing' ? Math.min(before?.failingSince ?? now, now) : null
  return { status, statusAt: now, failingSince }
}

export type SeenLog = Awaited<ReturnType<typeof openSeenLog>>

/** @param failed is called if the file cannot be written. */
export async function openSeenLog(file: string, failed: (reason: string) => void) {
  const before = await readSeen(file)
  const seenAt = new Map(before.seenAt)
  const told = new Map(before.told)
  const takesProposals = new Map(before.takesProposals)
  const absences = new Map(before.absences)
  let usage = before.usage
  let connected: string[] = []
  let written = ''
  let writing: Promise<void> | null = null

  const writeNow = async (): Promise<void> => {
    const maps = { seenAt, told, usage, takesProposals, absences }
    const objects = Object.entries(maps).map(([name, map]) => [name, Object.fromEntries<unknown>(map)])
    const text = JSON.stringify({ version: 1, connected, ...Object.fromEntries(objects) })
    if (text === written) return
    try {
      await replaceFile(file, `${text}\n`)
      written = text
    } catch (thrown) {
      failed(`${file}: ${String(thrown)}`)
    }
  }

  return {
    /** Records the senders that are connected now. */
    note(folders: ReadonlySet<string>, now: number) {
      for (const folder of folders) {
        // An absence counts even if no receiver ran meanwhile: the sender may have been off as well.
        absences.set(folder, nextAbsences(absences.get(folder) ?? [], seenAt.get(folder) ?? now, now))
        seenAt.set(folder, now)
      }
      connected = [...folders].sort()
    },
    /** Forgets how long a sender is usually away: another computer may be paired for its folder. */
    forget(folder: string) {
      absences.delete(folder)
    },
    /** Records a sender's status report, replacing the previous one. */
    noteStatus(folder: string, status: FrameHeader<'status'>, now: number) {
      told.set(folder, nextTold(told.get(folder) ?? null, status, now))
    },
    /** Records whether a sender takes proposed settings. */
    noteTakesProposals(folder: string, takes: boolean) {
      takesProposals.set(folder, takes)
    },
    /** Records the usage of all senders. */
    noteUsage(now: ReadonlyMap<string, SenderUsage>) {
      usage = now
    },
    seenAt: (folder: string) => seenAt.get(folder) ?? null,
    told: (folder: string) => told.get(folder) ?? null,
    takesProposals: (folder: string) => takesProposals.get(folder) ?? null,
    absences: (folder: string) => absences.get(folder) ?? [],
    /** Writes changes to the file; never rejects. */
    write() {
      // A write that hangs with its disk must not be followed by a queue of further ones.
      writing ??= writeNow().finally(() => {
        writing = null
      })
      return writing
    },
  }
}

/** State of a sender; times in milliseconds since 1970, by this computer's clock. */
export interface SenderState
  extends Pick<Sender, 'fingerprint' | 'name' | 'folder' | 'pairedAt' | 'label' | 'proposal'>,
    Omit<ToldStatus, 'status' | 'statusAt'> {
  /** When it was last connected; null: never. */
  seenAt: number | null
  connected: boolean
  /** Its last status report; null: none yet. */
  status: ToldStatus['status'] | null
  statusAt: number | null
  /** True if it took proposed settings on its last connection; null: it was not connected since this is recorded. */
  takesProposals: boolean | null
  /** The longest absence of each of the last days on which it was connected, in milliseconds. */
  absences: readonly number[]
}

/** Lists the senders that may send now. Revoked senders are omitted, because they are not monitored. */
export function senderStates(
  senders: Pick<Senders, 'list'>,
  seen: Pick<SeenLog, 'seenAt' | 'told' | 'takesProposals' | 'absences'>,
  connected: ReadonlySet<string>,
): SenderState[] {
  return senders
    .list()
    .filter(isAccepted)
    .map(({ fingerprint, name, folder, pairedAt, label, proposal }) => {
      const { status = null, statusAt = null, failingSince = null } = seen.told(folder) ?? {}
      const known = { seenAt: seen.seenAt(folder), connected: connected.has(folder) }
      const recorded = { takesProposals: seen.takesProposals(folder), absences: seen.absences(folder) }
      const own = { fingerprint, name, folder, pairedAt, label, proposal, ...recorded }
      return { ...own, ...known, status, statusAt, failingSince }
    })
}
