import type { LimitedLog } from '../../pacing/limited-log.ts'
import { createLimitedLog } from '../../pacing/limited-log.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { Outcome } from '../../store/outcome.ts'
import type { Sender, Senders } from '../../store/senders/senders.ts'
import type { Store } from '../../store/store.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import type { FileStatus, RefusalCode } from '../../wire/limits.ts'
import type { NameFault } from '../../wire/names.ts'
import { nameFaults } from '../../wire/names.ts'
import { redeemCode } from '../pairing/invitation.ts'
import type { SeenLog } from '../senders/seen.ts'
import type { Connected, Guest } from './connected.ts'

interface HostParts {
  name: string
  store: Store
  layout: Pick<StoreLayout, 'codes'>
  senders: Pick<Senders, 'accepted' | 'known' | 'pair' | 'sourceDirectory' | 'sourceIn'>
  connected: Pick<Connected, 'enter' | 'enterRestore' | 'folders' | 'dropRefused'>
  seen: Pick<SeenLog, 'note' | 'noteStatus'>
  counters: Counters
  log(level: 'info' | 'warn' | 'error', message: string): void
}

/** What a connection needs to know, and what it tells. */
export type ConnectionHost = Omit<ReturnType<typeof createConnectionHost>, 'endLogs'>

/** What all connections of a receiver share: who may come in, and what is counted and logged of them. */
export function createConnectionHost(parts: HostParts) {
  const { layout, senders, connected, seen, counters, log, store } = parts
  const limited = () => createLimitedLog((text) => log('warn', text))
  /** By kind: a flood of one must not hide why others are refused. */
  const refusedLogs = new Map<RefusedKind, LimitedLog>()
  const logRefusedFile = limited()
  let judging: Promise<unknown> = Promise.resolve()

  return {
    name: parts.name,
    store,
    log,
    accepted: senders.accepted,
    known: senders.known,
    sourceIn: senders.sourceIn,
    /** See Connected. */
    enterRestore: connected.enterRestore,
    /** Where a sender's source is stored. @throws what the system says where a new one cannot be written down. */
    sourceOf: async ({ folder }: Sender, id: string, name: string) =>
      store.source(folder, await senders.sourceDirectory(folder, id, name)),
    /**
     * Uses up a pairing code; resolves to null if it is none.
     * @param mayPin is asked when it is one, before anything is changed.
     * @throws where it cannot be used now, but later.
     */
    pair(fingerprint: string, code: string, name: string, mayPin: () => boolean) {
      const pairNow = async (replaces: string | null) => {
        // Whoever was told that it failed, or has gone, is to find its code good.
        if (!mayPin()) throw new Error('its sender has not waited for the store')
        const sender = await senders.pair(fingerprint, name, Date.now(), replaces)
        // Whose place it is now must not be sent to by another.
        if (replaces !== null) connected.dropRefused(senders)
        return sender
      }
      // One attempt after the other: attempts side by side would be counted as one.
      const judged = judging.then(() => redeemCode(layout.codes, code, Date.now(), pairNow))
      judging = judged.catch(() => undefined)
      return judged
    },
    /** Lets a sender's connection in; null: see Connected. */
    async enter(sender: Sender, from: string, guest: Guest) {
      const place = await connected.enter(sender, from, guest)
      seen.note(connected.folders(), Date.now())
      return place
    },
    /** A sender that is let in has told how it is. */
    onStatus: ({ folder }: Sender, status: FrameHeader<'status'>) =>
      seen.noteStatus(folder, status, Date.now()),
    onRefusedConnection(from: string, reason: string, kind: RefusedKind) {
      countOne(counters.refusedConnections, kind)
      const logRefused = refusedLogs.get(kind) ?? limited()
      refusedLogs.set(kind, logRefused)
      logRefused(`refused ${from}: ${reason}`)
    },
    onReceived(files: number, bytes: number) {
      counters.receivedFiles += files
      counters.receivedBytes += bytes
    },
    onRefusedFile(sender: string, source: string, path: string, outcome: Outcome) {
      countOne(counters.refusedFiles, outcome.status)
      logRefusedFile(`not stored: ${sender}/${source}/${path}: ${refusalWords(outcome)}`)
    },
    endLogs() {
      for (const one of [...refusedLogs.values(), logRefusedFile]) one.end()
    },
  }
}

/** Why a connection was refused, as a word that can be counted; the log has the sentence. */
export type RefusedKind = RefusalCode | 'tls' | 'certificate' | 'flood' | 'isocket' | 'other'

/** What a receiver has done since it started. */
type Counters = ReturnType<typeof createCounters>

export const createCounters = () => ({
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: new Map<RefusedKind, number>(),
  refusedFiles: new Map<FileStatus, number>(),
})

function countOne<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export const totalOf = (counts: ReadonlyMap<unknown, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

const ofName: Record<NameFault, string> = {
  empty: 'a part of its name is empty',
  dots: 'its name contains . or .. as a part',
  absolute: "its name, or its source's name, is not a relative one",
  nul: 'its name contains a NUL character',
  long: 'its name is longer, or in more directories, than can be stored',
  reserved: 'its name is reserved by this system',
  characters: "its name contains characters that the store's file system does not take",
  folded: "the store's file system does not tell its name from that of another stored file",
  symlink: 'a symbolic link stands in its way; remove it from the store if it is not yours',
}

const ofStatus: Record<Exclude<FileStatus, 'name' | 'full'>, string> = {
  durable: 'it is stored',
  same: 'it is stored',
  digest: 'its content is not what its sender read; it is sent again',
  tooLarge: "it is larger than the store's file system allows",
  readOnly: "the store's file system is read-only; the sender waits: check the disk",
  failed: 'the store could not write it; the sender waits: check the disk',
  aborted: 'its sender has given it up',
  unknown: 'the store has no such content',
}

function ofFull(detail: string): string {
  if (detail.startsWith('quota')) return 'its sender has used all that --quota or --quota-files leaves it'
  if (detail === 'names') return 'the disk has hardly any room for further files (inodes); the sender waits'
  const why = detail === 'floor' ? 'no more is free on the disk than --keep-free leaves' : 'the disk is full'
  return `${why}; the sender waits: free some space`
}

/** Why a file is not stored, for the receiver's log: status, detail, and what they mean. */
function refusalWords({ status, detail }: Outcome): string {
  const fault = nameFaults.find((one) => one === detail) ?? 'characters'
  const why = status === 'name' ? ofName[fault] : status === 'full' ? ofFull(detail) : ofStatus[status]
  return `${detail === '' ? status : `${status} ${detail}`} (${why})`
}
