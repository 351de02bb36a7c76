import { isDeepStrictEqual } from 'node:util'
import { ignoreError } from '../dropped-errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Message } from '../lib/i18n/message.ts'
import type { ConfigOf } from '../lib/workers/definition.ts'
import type { Identity } from '../protocol/identity.ts'
import { ownName } from './computer-name.ts'
import { openRemovals } from './delete-after-send/removals.ts'
import type { RemovalSource } from './delete-after-send/rule.ts'
import type { DestinationEvents, Session, Space } from './destinations/destination.ts'
import { openDestination } from './destinations/open.ts'
import type { StatusNow } from './destinations/receiver/tell-status.ts'
import { openSessions } from './destinations/session-memory.ts'
import { openDispatcher } from './queue/dispatcher.ts'
import type { DispatcherEvents } from './queue/parts.ts'
import type { Bucket } from './rate-limit/bucket.ts'
import type { Readers } from './reading/readers.ts'
import type { senderDefinition } from './sender-messages.ts'

type Config = ConfigOf<typeof senderDefinition>

/** How often a destination is asked how much room it has. */
const SPACE_EVERY_MS = 60_000

/** All that goes to one destination: its sessions, its dispatcher and its removals; made anew when it changes. */
export type Delivery = ReturnType<typeof openDelivery>

/** Where it goes; null: nowhere. A folder is let go of while sending is paused, so that its disk can be unmounted. */
export const goingTo = ({ destination, paused }: Config): Config['destination'] =>
  destination?.kind === 'folder' && paused ? null : destination

const keptBy = ({ destination, keep }: Config): Config['keep'] | null =>
  destination?.kind === 'receiver' ? null : keep

/** Whether two configurations have the same delivery. */
export const sameDelivery = (a: Config, b: Config): boolean =>
  a.retrySeconds === b.retrySeconds &&
  a.versionsPerHour === b.versionsPerHour &&
  isDeepStrictEqual([goingTo(a), a.secrets, keptBy(a)], [goingTo(b), b.secrets, keptBy(b)])

export function openDelivery(
  {
    destination,
    ledgerPath,
    retrySeconds,
    versionsPerHour,
    keep,
    secrets = {},
  }: Config & { destination: NonNullable<Config['destination']> },
  ledger: Ledger,
  identity: Identity,
  bucket: Bucket,
  readers: Readers,
  storeThread: URL,
  /** What the receiver is told of this computer. */
  status: () => StatusNow | null,
  events: DispatcherEvents &
    Pick<DestinationEvents, 'onState' | 'onNotice'> & { onSpace(space: Space): void },
) {
  let trouble: Message | null = null
  const dispatcher = openDispatcher(
    {
      ...{ destination, ledger, ledgerPath, retrySeconds, readers },
      ...(versionsPerHour === undefined ? {} : { versionsPerHour }),
    },
    events,
  )
  const removals = openRemovals(destination.id, ledger, { onRemoved: events.onChange, log: events.log })
  const sessions = openSessions(ledger, destination)
  let asking: NodeJS.Timeout | undefined
  /** Asks one question after the other: one that hangs is not asked again. */
  const askSpace = async (session: Session): Promise<void> => {
    if (session.space === undefined) return
    const space = await session
      .space()
      .catch(ignoreError('the space of a destination is asked for again later', null))
    if (session.closed) return
    if (space !== null) events.onSpace(space)
    asking = setTimeout(() => void askSpace(session), SPACE_EVERY_MS).unref()
  }
  const opened = openDestination(
    destination,
    {
      identity,
      name: ownName(),
      secrets,
      sessions,
      retrySeconds,
      keep,
      bucket,
      status,
      storeThread,
    },
    {
      onSession(session) {
        dispatcher.setSession(session)
        clearTimeout(asking)
        if (session !== null) void askSpace(session)
        removals.setSession(session)
      },
      onState: events.onState,
      onTrouble(next) {
        trouble = next
        events.onChange()
      },
      onNotice: events.onNotice,
      onWanted: dispatcher.wake,
      log: events.log,
    },
  )
  return {
    configure(sources: readonly RemovalSource[], paused: boolean): void {
      // The dispatcher needs no rule: one that comes and goes with another destination's connection interrupts no file.
      dispatcher.configure(
        sources.map(({ removal: _, ...source }) => source),
        paused,
      )
      removals.configure(sources, paused)
    },
    wake: dispatcher.wake,
    transfers: dispatcher.transfers,
    restless: dispatcher.restless,
    /** Why files wait although the connection is there, or null. */
    get problem() {
      return trouble ?? dispatcher.problem
    },
    /** @param isLast see OpenDestination. */
    stop(isLast = false) {
      clearTimeout(asking)
      dispatcher.stop()
      removals.stop()
      return opened.stop(isLast)
    },
  }
}
