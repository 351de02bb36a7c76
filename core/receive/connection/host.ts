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
import { type Counters, countOne, formatRefusal, type RefusedKind } from './refusals.ts'

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

/** Data and callbacks of a connection. */
export type ConnectionHost = Omit<ReturnType<typeof createConnectionHost>, 'endLogs'>

/** Creates what all connections of a receiver share: admission, counters and logs. */
export function createConnectionHost(parts: HostParts) {
  const { layout, senders, connected, seen, counters, log, store } = parts
  const limited = () => createLimitedLog((text) => log('warn', text))
  /** Rate-limited logs by kind: a flood of one kind must not hide the refusals of other kinds. */
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
    /** Returns the store directory of a sender's source. @throws the system error if a new one cannot be recorded. */
    openSource: async ({ folder }: Sender, id: string, name: string) =>
      store.source(folder, await senders.sourceDirectory(folder, id, name)),
    /** Redeems a pairing code; resolves to null if it is invalid. @throws if it cannot be redeemed now, but later. */
    pair(fingerprint: string, code: string, name: string) {
      const pairNow = async (replaces: string | null) => {
        const sender = await senders.pair(fingerprint, name, Date.now(), replaces)
        // The replaced computer must not send to this folder any longer.
        if (replaces !== null) connected.dropRefused(senders)
        return sender
      }
      // Serialized: if two peers use a code at the same time, only one of them gets it.
      const judged = judging.then(() => redeemCode(layout.codes, code, Date.now(), pairNow))
      judging = settled(judged)
      return judged
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
      logRefusedFile(`not stored: ${sender}/${source}/${path}: ${formatRefusal(outcome)}`)
    },
    endLogs() {
      for (const one of [...refusedLogs.values(), logRefusedFile]) one.end()
    },
  }
}
