import { defer } from '../../defer.ts'
import { settled } from '../../dropped-errors.ts'
import { createLimitedLog, type LimitedLog } from '../../lib/async/limited-log.ts'
import type { Frame, FrameHeader } from '../../protocol/frames.ts'
import type { FileStatus, RefusalCode } from '../../protocol/limits.ts'
import { type NameFault, nameFaults } from '../../protocol/names.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { StoreResult } from '../../store/outcome.ts'
import { openSource } from '../../store/senders/open-source.ts'
import type { Sender, Senders } from '../../store/senders/senders.ts'
import type { AnswerWindow } from '../../store/session/upload-session.ts'
import type { Store } from '../../store/store.ts'
import { codeFile, redeemCode, takeShortCode } from '../pairing/invitation.ts'
import type { SeenLog } from '../senders/last-seen.ts'

/** Memory of this process for all senders together. Each sender gets half of the rest, within limits. */
const MEMORY_BYTES = 256 * 1024 * 1024
const WINDOW_BYTES = { least: 2 * 1024 * 1024, most: 16 * 1024 * 1024 }
const WINDOW_FILES = 8192
/** Credit that a further data stream brings: about one send buffer of Linux, and what waits for the disk. */
const STREAM_BYTES = 6 * 1024 * 1024
/** Without this much memory for it, a data stream is refused. */
const LEAST_STREAM_BYTES = 1024 * 1024
/** Maximum number of further data streams of all senders. */
const STREAMS = 256
/**
 * Longer than the interval between a sender's frames (ALIVE_EVERY_MS), shorter than a new connection waits for its
 * welcome.
 */
const SIGN_OF_LIFE_MS = 6_000
const LOOK_MS = 100
/** Maximum number of restore connections: per sender, and in total. */
const RESTORES_OF_ONE = 2
const RESTORES = 32

/** The open resources of a receiver. */
export interface ReceiverResources {
  name: string
  store: Store
  layout: StoreLayout
  /** The fingerprint of the receiver's certificate. */
  fingerprint: string
  senders: Senders
  connected: Connected
  seen: SeenLog
  counters: ReturnType<typeof createCounters>
  log(level: 'info' | 'warn' | 'error', message: string): void
}

/** The data and callbacks of a receiver that its connections use. */
export type ConnectionHost = Omit<ReturnType<typeof createConnectionHost>, 'endLogs'>

/** Creates what all connections of a receiver share: admission, counters and logs. */
export function createConnectionHost(parts: ReceiverResources) {
  const { layout, senders, connected, seen, counters, log, store } = parts
  const limited = () => createLimitedLog((text) => log('warn', text))
  /** Rate-limited logs by kind: a flood of one kind must not hide the refusals of other kinds. */
  const refusedLogs = new Map<RefusedKind, LimitedLog>()
  const logRefusedFile = limited()
  let judging: Promise<unknown> = Promise.resolve()
  /** Serializes what is done with codes: if two peers use one at the same time, only one of them gets it. */
  const inTurn = <T>(judge: () => Promise<T>): Promise<T> => {
    const judged = judging.then(judge)
    judging = settled(judged)
    return judged
  }

  return {
    name: parts.name,
    store,
    log,
    accepted: senders.accepted,
    known: senders.known,
    sourceIn: senders.sourceIn,
    /** See Connected. */
    enterRestore: connected.enterRestore,
    attach: connected.attach,
    /** Returns the store directory of a sender's source. @throws the system error if a new one cannot be recorded. */
    openSource: (sender: Sender, id: string, name: string, signal: AbortSignal) =>
      openSource({ store, senders }, sender.folder, { id, name, signal }),
    fingerprint: parts.fingerprint,
    /** Takes a try of the short pairing code, see takeShortCode. */
    takeShortCode: () => inTurn(() => takeShortCode(layout.codes, Date.now())),
    /**
     * Redeems a pairing code, by its secret or, for a short one, its file; resolves to null if it is invalid.
     * @throws if it cannot be redeemed now, but later.
     */
    pair(fingerprint: string, code: { secret: string } | { file: string }, name: string) {
      const pairNow = async (replaces: string | null) => {
        const sender = await senders.pair(fingerprint, name, Date.now(), replaces)
        seen.forget(sender.folder)
        // The replaced computer must not send to this folder any longer.
        if (replaces !== null) connected.dropRefused(senders)
        return sender
      }
      const file = 'file' in code ? code.file : codeFile(layout.codes, code.secret)
      return inTurn(() => redeemCode(file, Date.now(), pairNow))
    },
    /** Admits a sender's connection; null: see Connected. */
    async enter(sender: Sender, from: string, guest: ActiveConnection) {
      const place = await connected.enter(sender, from, guest)
      seen.note(connected.folders(), Date.now())
      return place
    },
    /** Records the status of an admitted sender. */
    onStatus: ({ folder }: Sender, status: FrameHeader<'status'>) =>
      seen.noteStatus(folder, status, Date.now()),
    /** Records whether an admitted sender takes proposed settings. */
    onTakesProposals: ({ folder }: Sender, takes: boolean) => seen.noteTakesProposals(folder, takes),
    /** Returns the settings that are proposed to a sender and wait for its decision; null: none. */
    findProposal: ({ folder }: Sender) => senders.findWaiting(folder),
    /** Records a sender's decision about its proposal. */
    onDecided: ({ folder }: Sender, { words, ...decision }: FrameHeader<'decided'>) =>
      senders.decide(folder, { ...decision, words: words ?? null }, Date.now()),
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
    onRefusedFile(sender: string, source: string, path: string, result: StoreResult) {
      countOne(counters.refusedFiles, result.status)
      logRefusedFile(`not stored: ${sender}/${source}/${path}: ${formatRefusal(result)}`)
    },
    endLogs() {
      for (const one of [...refusedLogs.values(), logRefusedFile]) one.end()
    },
  }
}

/** An admitted connection of a sender. */
export interface ActiveConnection {
  /** Time of the last frame from it, by the monotonic clock. */
  heardAt(): number
  /** Called if another connection claims to be the same sender. `from`: its address. */
  onTwice(from: string): void
  /** Called when the sender is revoked. */
  drop(sender: Sender): void
  /** Called when a new connection of this sender replaces this one, which gave no sign of life. */
  replace(): void
  /** Called when there may be files that the sender should offer again. */
  want(): void
  /** Called when the settings that are proposed to the sender may have changed. */
  propose(): void
  /** Joins a further data stream to the session; null: the key is wrong, or there are too many. */
  attach(key: string, stream: { close(): void }): JoinedStream | null
}

/** A further data stream, as its session sees it. */
export interface JoinedStream {
  /** The credit that it adds to the session's. */
  bytes: number
  /** @throws ProtocolError */
  handle(frame: Frame): void
  /** Called when it did not end in order: its frames may be lost, so the session ends. */
  onLost(reason: Error): void
  leave(): void
}

export interface ConnectionPlace {
  window: AnswerWindow
  leave(): void
  /** Reserves memory for a further data stream; null: there is none left. `leave`: the stream has ended. */
  grow(): { bytes: number; leave(): void } | null
  /** Releases memory of streams: the sender has no credit for it any longer. */
  release(bytes: number): void
}

/** The admitted connections: one for each sender. */
export type Connected = ReturnType<typeof createConnected>

export function createConnected() {
  const places = new Map<string, { sender: Sender; guest: ActiveConnection; window: AnswerWindow }>()
  const restores = new Set<{ sender: Sender; guest: Pick<ActiveConnection, 'drop'> }>()
  const waiting = new Set<string>()
  let streams = 0

  /** Returns the part of the memory that no connection has. */
  const getRest = () => [...places.values()].reduce((rest, { window }) => rest - window.bytes, MEMORY_BYTES)

  /** True if the existing connection gives a sign of life. */
  const isAlive = async (guest: ActiveConnection, isThere: () => boolean): Promise<boolean> => {
    const since = performance.now()
    while (isThere() && performance.now() - since < SIGN_OF_LIFE_MS) {
      if (guest.heardAt() > since) return true
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    return false
  }

  const place = (sender: Sender, guest: ActiveConnection): ConnectionPlace => {
    const part = Math.floor(getRest() / 2)
    const bytes = Math.max(WINDOW_BYTES.least, Math.min(WINDOW_BYTES.most, part))
    const mine = { sender, guest, window: { bytes, files: WINDOW_FILES } }
    places.set(sender.folder, mine)
    return {
      window: { ...mine.window },
      leave() {
        if (places.get(sender.folder) === mine) places.delete(sender.folder)
      },
      grow() {
        const more = Math.min(STREAM_BYTES, Math.floor(getRest() / 4))
        if (more < LEAST_STREAM_BYTES || streams >= STREAMS) return null
        streams += 1
        mine.window.bytes += more
        return {
          bytes: more,
          leave() {
            streams -= 1
          },
        }
      },
      release(bytes) {
        mine.window.bytes -= bytes
      },
    }
  }

  return {
    /**
     * Admits a sender. If it already has a connection, waits for a sign of life, as it may be dead. Returns null if it
     * is alive (both connections are then notified), or if another one already waits for this sender.
     */
    async enter(sender: Sender, from: string, guest: ActiveConnection) {
      const { folder } = sender
      const first = places.get(folder)
      if (first === undefined) return place(sender, guest)
      if (waiting.has(folder)) return null
      waiting.add(folder)
      using _ = defer(() => waiting.delete(folder))
      if (await isAlive(first.guest, () => places.get(folder) === first)) {
        first.guest.onTwice(from)
        return null
      }
      const now = places.get(folder)
      // The first connection has left, and another one was admitted during the wait.
      if (now !== undefined && now !== first) return null
      if (now === first) first.guest.replace()
      return place(sender, guest)
    },
    /** Admits a restore connection beside the sender's other one. Returns its release function; null: too many. */
    enterRestore(sender: Sender, guest: Pick<ActiveConnection, 'drop'>) {
      const own = [...restores].filter((one) => one.sender.folder === sender.folder)
      if (own.length >= RESTORES_OF_ONE || restores.size >= RESTORES) return null
      const mine = { sender, guest }
      restores.add(mine)
      return () => void restores.delete(mine)
    },
    /** Joins a further data stream to a sender's session; null: there is none with this key, or it gets no more. */
    attach: ({ folder }: Sender, key: string, stream: { close(): void }): JoinedStream | null =>
      places.get(folder)?.guest.attach(key, stream) ?? null,
    /** Closes the connections of all senders that are no longer accepted. */
    dropRefused(senders: Pick<Senders, 'accepted' | 'known'>) {
      for (const { sender, guest } of [...places.values(), ...restores])
        if (senders.accepted(sender.fingerprint)?.folder !== sender.folder)
          guest.drop(senders.known(sender.fingerprint) ?? sender)
    },
    /** Notifies all connections that there may be files to offer again. */
    want() {
      for (const { guest } of places.values()) guest.want()
    },
    /** Notifies all connections that proposed settings may have changed. */
    propose() {
      for (const { guest } of places.values()) guest.propose()
    },
    /** Folders of the connected senders. A sender's folder never changes. */
    folders: () => new Set(places.keys()),
    get count() {
      return places.size
    },
    /** Data streams beside the senders' connections. */
    get streams() {
      return streams
    },
  }
}

/** Reason for refusing a connection, as a label for counters; the log has the full sentence. */
export type RefusedKind = RefusalCode | 'tls' | 'certificate' | 'flood' | 'isocket' | 'other'

/** Creates the counters of a receiver since its start. */
export const createCounters = () => ({
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: new Map<RefusedKind, number>(),
  refusedFiles: new Map<FileStatus, number>(),
})

function countOne<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export const sumCounts = (counts: ReadonlyMap<unknown, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

const nameReasons: Record<NameFault, string> = {
  empty: 'a part of its name is empty',
  dots: 'its name contains . or .. as a part',
  absolute: "its name, or its source's name, is not relative",
  nul: 'its name contains a NUL character',
  long: 'its name is longer, or in more directories, than can be stored',
  reserved: 'its name is reserved by this system',
  characters: "its name contains characters that the store's file system does not take",
  folded: "the store's file system does not tell its name from that of another stored file",
  symlink: 'a symbolic link stands in its way; remove it from the store if it is not yours',
}

const statusReasons: Record<Exclude<FileStatus, 'name' | 'full'>, string> = {
  durable: 'it is stored',
  same: 'it is stored',
  digest: 'its content is not what its sender read; it is sent again',
  tooLarge: "it is larger than the store's file system allows",
  readOnly: "the store's file system is read-only; the sender waits: check the disk",
  failed: 'the store could not write it; the sender waits: check the disk',
  aborted: 'its sender has given it up',
  unknown: 'the store has no such content',
}

/** Returns the log text for a file that is not stored: status, detail, and their meaning. */
function formatRefusal({ status, detail }: StoreResult): string {
  const fault = nameFaults.find((one) => one === detail) ?? 'characters'
  const why =
    status === 'name' ? nameReasons[fault] : status === 'full' ? explainFull(detail) : statusReasons[status]
  return `${detail === '' ? status : `${status} ${detail}`} (${why})`
}

function explainFull(detail: string): string {
  if (detail.startsWith('quota')) return 'its sender has used all that --quota or --quota-files leaves it'
  if (detail === 'names') return 'the disk has hardly any room for further files (inodes); the sender waits'
  const why = detail === 'floor' ? 'no more is free on the disk than --keep-free leaves' : 'the disk is full'
  return `${why}; the sender waits: free some space`
}
