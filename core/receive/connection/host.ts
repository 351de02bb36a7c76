import { settled } from '../../dropped-errors.ts'
import { createLimitedLog, type LimitedLog } from '../../lib/async/limited-log.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { Outcome } from '../../store/outcome.ts'
import type { Sender, Senders } from '../../store/senders/senders.ts'
import type { Store } from '../../store/store.ts'
import { redeemCode } from '../pairing/invitation.ts'
import type { SeenLog } from '../senders/last-seen.ts'
import type { ActiveConnection, Connected } from './active-connections.ts'
import { type Counters, countOne, type RefusedKind, refusalWords } from './refusals.ts'

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
    /** Uses up a pairing code; resolves to null if it is none. @throws where it cannot be used now, but later. */
    pair(fingerprint: string, code: string, name: string) {
      const pairNow = async (replaces: string | null) => {
        const sender = await senders.pair(fingerprint, name, Date.now(), replaces)
        // Whose place it is now must not be sent to by another.
        if (replaces !== null) connected.dropRefused(senders)
        return sender
      }
      // One after the other: a code that two give at a time is good for one of them.
      const judged = judging.then(() => redeemCode(layout.codes, code, Date.now(), pairNow))
      judging = settled(judged)
      return judged
    },
    /** Lets a sender's connection in; null: see Connected. */
    async enter(sender: Sender, from: string, guest: ActiveConnection) {
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
