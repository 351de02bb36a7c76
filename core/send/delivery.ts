import os from 'node:os'
import type { Ledger } from '../ledger/ledger.ts'
import type { Identity } from '../wire/identity.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import type { ConfigOf } from '../worker/definition.ts'
import type { Bucket } from './limit/bucket.ts'
import type { LinkEvents } from './link/link.ts'
import { openLink } from './link/link.ts'
import { openSessions } from './link/sessions.ts'
import type { StatusNow } from './link/tell-status.ts'
import type { senderDefinition, Transfer } from './messages.ts'
import type { PumpEvents } from './pump/pump.ts'
import { openPump } from './pump/pump.ts'
import type { Readers } from './reading/readers.ts'
import { openRemovals } from './removal/removals.ts'
import type { RemovalSource } from './removal/source.ts'

type Config = ConfigOf<typeof senderDefinition>

/** A receiver's disk that has left a call unanswered for longer than this is said to hang. */
const STALLED_MS = 30_000

/** What the sender needs to be one destination's, the link and the pump: made anew when the destination changes. */
export interface Delivery {
  configure(sources: readonly RemovalSource[], paused: boolean): void
  /** There may be work. */
  wake(): void
  /** Files on the wire, at most `limit`. */
  transfers(limit: number): Transfer[]
  /** Why files wait although the connection is there, or null. */
  readonly problem: Message | null
  stop(): void
}

/** Whether two configurations have the same delivery. */
export const sameDelivery = (a: Config, b: Config): boolean =>
  a.identityDirectory === b.identityDirectory &&
  a.ledgerPath === b.ledgerPath &&
  a.retrySeconds === b.retrySeconds &&
  JSON.stringify(a.destination) === JSON.stringify(b.destination)

export function openDelivery(
  { destination, ledgerPath, retrySeconds }: Config & { destination: NonNullable<Config['destination']> },
  ledger: Ledger,
  identity: Identity,
  bucket: Bucket,
  readers: Readers,
  /** What the receiver is told of this computer. */
  status: () => StatusNow | null,
  events: PumpEvents & Pick<LinkEvents, 'onState' | 'onNotice'>,
): Delivery {
  let stalledMs = 0
  /** What the last connection has told of it. */
  let toItself: boolean | undefined
  const pump = openPump({ destination, ledger, ledgerPath, retrySeconds, readers }, events)
  const removals = openRemovals(destination.id, ledger, { onRemoved: events.onChange, log: events.log })
  const link = openLink(
    destination,
    identity,
    openSessions(ledger, destination),
    { name: os.hostname() || 'Holdfast', retrySeconds, bucket, status },
    {
      onSession(session) {
        // What the last connection said of the receiver's disk says nothing of this one.
        stalledMs = 0
        pump.setSession(session)
        removals.setSession(session)
      },
      onState(state, problem, told = toItself) {
        toItself = told
        events.onState(state, problem, told)
      },
      onStalled(ms) {
        stalledMs = ms
        events.onChange()
      },
      onNotice: events.onNotice,
      onWanted: () => pump.wake(),
      log: events.log,
    },
  )
  return {
    configure(sources, paused) {
      // The pump needs no rule: one that comes and goes with another destination's connection interrupts no file.
      pump.configure(
        sources.map(({ removal: _, ...source }) => source),
        paused,
      )
      removals.configure(sources, paused)
    },
    wake: pump.wake,
    transfers: pump.transfers,
    get problem() {
      if (stalledMs <= STALLED_MS) return pump.problem
      const seconds = Math.round(stalledMs / 1000)
      return message('transfer.storeHung', { name: destination.name, seconds })
    },
    stop() {
      pump.stop()
      removals.stop()
      link.stop()
    },
  }
}
