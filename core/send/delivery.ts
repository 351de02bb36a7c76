import os from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { DestinationEvents, Session, Space } from '../backends/destination.ts'
import { openDestination } from '../backends/open.ts'
import type { StatusNow } from '../backends/options.ts'
import { openReceiverLibrary } from '../backends/receiver/receiver-library.ts'
import { openSessions } from '../backends/session-memory.ts'
import type { Bucket } from '../backends/token-bucket.ts'
import { ignoreError } from '../dropped-errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ProofLimits } from '../ledger/proof-figures.ts'
import type { Message } from '../lib/i18n/message.ts'
import type { WorkerConfig } from '../lib/workers/definition.ts'
import type { Identity } from '../protocol/identity.ts'
import { sendingSettingsSchema } from '../settings/worker-groups.ts'
import { openRemovals, type RemovalSource } from './delete-after-send/removals.ts'
import { type FetchedFile, type HealedFiles, type HealPlan, planHealing, storeFetched } from './healing.ts'
import { openLostMetadata } from './lost-metadata.ts'
import { Proving } from './proving.ts'
import { type DispatcherEvents, openDispatcher } from './queue/dispatcher.ts'
import type { Readers } from './reading/readers.ts'
import type { senderDefinition } from './sender-messages.ts'

type Config = WorkerConfig<typeof senderDefinition>

/** Interval between two queries of a destination's free space. */
const SPACE_EVERY_MS = 60_000

/**
 * Returns the destination in use; null: none. Ejecting and pausing close a folder destination, so that its disk can be
 * unmounted.
 */
export const goingTo = ({ destination, paused }: Config): Config['destination'] =>
  destination?.kind === 'folder' && (paused || destination.ejected !== undefined) ? null : destination

const keptBy = ({ destination, keep }: Config): Config['keep'] | null =>
  destination?.kind === 'receiver' ? null : keep

const getProxy = ({ destination, proxy }: Config): Config['proxy'] =>
  destination?.kind === 'folder' ? undefined : proxy

const sendingKeys = Object.keys(sendingSettingsSchema.shape) as (keyof typeof sendingSettingsSchema.shape)[]
const sendingOf = (config: Config): unknown[] => sendingKeys.map((key) => config[key])

/** True if two configurations can share one delivery. */
export const sameDelivery = (a: Config, b: Config): boolean =>
  isDeepStrictEqual(
    [goingTo(a), a.secrets, keptBy(a), getProxy(a), sendingOf(a)],
    [goingTo(b), b.secrets, keptBy(b), getProxy(b), sendingOf(b)],
  )

export type Delivery = ReturnType<typeof openDelivery>

interface DeliveryOptions {
  ledger: Ledger
  identity: Identity
  bucket: Bucket
  readers: Readers
  storeThread: URL
  /** Returns the status of this computer, as sent to a receiver. */
  status(): StatusNow | null
}

/** Sends to one destination: sessions, dispatcher and removals. Reopened if the destination changes. */
export function openDelivery(
  {
    destination,
    ledgerPath,
    retrySeconds,
    versionsPerHour,
    keep,
    secrets = {},
  }: Config & { destination: NonNullable<Config['destination']> },
  { ledger, identity, bucket, readers, storeThread, status }: DeliveryOptions,
  events: DispatcherEvents &
    Pick<DestinationEvents, 'onState' | 'onNotice' | 'onProposal'> & { onSpace(space: Space): void },
) {
  let connectionProblem: Message | null = null
  let current: Session | null = null
  let going: { sources: readonly RemovalSource[]; paused: boolean } = { sources: [], paused: true }
  const mayStore = () => (going.paused || current === null || current.closed ? null : current)
  const listUnpaused = () => going.sources.filter(({ paused }) => !paused)
  const findSource = (id: string) => listUnpaused().find((one) => one.id === id) ?? null
  const dispatcher = openDispatcher(
    { destination, ledger, ledgerPath, retrySeconds, versionsPerHour, readers },
    events,
  )
  const removals = openRemovals(destination.id, ledger, { onRemoved: events.onChange, log: events.log })
  const proving = new Proving({
    ...{ destination, ledger, bucket, session: mayStore, onChange: events.onChange, log: events.log },
    sources: listUnpaused,
    isSending: () => dispatcher.transfers(1).length > 0,
    openLibrary: (receiver, signal) => openReceiverLibrary(receiver, identity, ownName(), signal),
  })
  const lostMetadata = openLostMetadata({
    ...{ destination, ledger, sources: listUnpaused, session: mayStore, hold: dispatcher.hold },
    ...{ onNotice: events.onNotice, log: events.log },
  })
  const sessions = openSessions(ledger, destination)
  let asking: NodeJS.Timeout | undefined
  /** Queries the space one request at a time: a request that hangs is not repeated. */
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
        current = session
        dispatcher.setSession(session)
        clearTimeout(asking)
        if (session !== null) void askSpace(session)
        if (session !== null) void lostMetadata.look()
        removals.setSession(session)
      },
      onState: events.onState,
      onTrouble(next) {
        connectionProblem = next
        events.onChange()
      },
      onNotice: events.onNotice,
      ...(events.onProposal === undefined ? {} : { onProposal: events.onProposal }),
      onWanted: () => dispatcher.wake(),
      log: events.log,
    },
  )
  return {
    configure(sources: readonly RemovalSource[], paused: boolean): void {
      going = { sources, paused }
      // Removal rules are left out, so that a changed rule does not interrupt a transfer.
      dispatcher.configure(
        sources.map(({ removal: _, ...source }) => source),
        paused,
      )
      removals.configure(sources, paused)
    },
    /** @param limits of the samples of a day. */
    setSamples: (limits: ProofLimits) => proving.configure(limits),
    /** Starts a round of samples; false: nothing may be read now. */
    prove(limits: ProofLimits): boolean {
      if (mayStore() === null) return false
      proving.start(limits)
      return true
    },
    get samples() {
      return proving.figures
    },
    get proofRound() {
      return proving.round
    },
    wake: () => dispatcher.wake(),
    transfers: (limit: number) => dispatcher.transfers(limit),
    restless: () => dispatcher.restless(),
    unfit: () => dispatcher.unfit(),
    /** Returns null while nothing may be sent. */
    planHealing: (others: readonly string[], after: HealPlan['next']): HealPlan | null => {
      if (mayStore() === null) return null
      const sources = new Set(listUnpaused().map(({ id }) => id))
      return planHealing(ledger, destination.id, sources, others, after)
    },
    heal: (
      directory: string,
      files: readonly FetchedFile[],
      onBytes: (bytes: number) => void,
    ): Promise<HealedFiles> =>
      storeFetched(
        {
          ...{ ledger, id: destination.id, name: destination.name, findSource, onBytes },
          ...{ session: mayStore, hold: dispatcher.hold },
        },
        directory,
        files,
      ),
    /** The reason why files wait although the connection is up, or null. */
    get problem() {
      return connectionProblem ?? dispatcher.problem
    },
    /** @param isLast see OpenDestination. */
    stop(isLast = false) {
      clearTimeout(asking)
      current = null
      dispatcher.stop()
      removals.stop()
      proving.stop()
      lostMetadata.stop()
      return opened.stop(isLast)
    },
  }
}

/** Returns the name under which destinations list this computer. */
export const ownName = (): string => os.hostname() || 'Holdfast'
