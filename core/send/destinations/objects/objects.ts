import { errorText } from '../../../files/system-error.ts'
import { message } from '../../../words/message.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import { keepConnected } from '../keep-connected.ts'
import type { OpenOptions } from '../open.ts'
import type { watchWake } from '../wake.ts'
import { troubleOf } from './faults.ts'
import type { ObjectStore } from './object-store.ts'
import { StoreFault } from './object-store.ts'
import { claimFolder } from './owner.ts'
import type { ObjectSession } from './session.ts'
import { openObjectSession } from './session.ts'

const DAY_MS = 86_400_000
/** What an interrupted upload has left behind may be gone on with for so long. */
const LEFT_OVER_MS = 7 * DAY_MS

/** A store that answers. */
export interface ReachedStore {
  store: ObjectStore
  /** This computer's end of the connection; null: there is no lasting one, or nobody knows. */
  localAddress: string | null
  /** It is on this computer. */
  isToItself: boolean
}

/** A destination that keeps objects, whatever its protocol is. */
export interface ObjectKind {
  /** Where it is, for people. */
  address: string
  /**
   * Reaches the store, and logs in.
   * @throws StoreFault; Problem where only a person can help.
   */
  reach(signal: AbortSignal): Promise<ReachedStore>
}

export type ObjectOptions = Omit<OpenOptions, 'status' | 'storeThread'> & {
  destination: { name: string; folder: string }
}

/** What is done once, however many sessions there are. */
interface Once {
  sweptAt: number
  isTold: boolean
}

async function openOn(
  { store, isToItself }: ReachedStore,
  options: ObjectOptions,
  events: DestinationEvents,
  end: (reason: unknown) => void,
  signal: AbortSignal,
): Promise<ObjectSession> {
  const { destination, identity, sessions, bucket } = options
  const { name, folder } = destination
  const claim = { folder, fingerprint: identity.fingerprint, computer: options.name, at: name }
  const own = await claimFolder(store, claim, signal)
  // Positions are a receiver's: here they only say whether there is anything.
  const { epoch } = own
  const remembered = { epoch, position: own.isNew ? 0 : 1, last: null, next: epoch, isForked: false }
  const { asksFirst, notice } = await sessions.welcome(remembered)
  if (notice !== null) events.onNotice(notice)
  // It may have ended meanwhile.
  signal.throwIfAborted()
  const session = openObjectSession(store, { name, own, folder, bucket, asksFirst, onLost: end })
  events.onTrouble(null)
  events.onState('connected', null, isToItself)
  events.onSession(session)
  return session
}

/** What belongs to the beginning of a session, but need not be waited for. */
function lookAfter(store: ObjectStore, name: string, events: DestinationEvents, once: Once): void {
  if (!store.can.durable && !once.isTold) events.onNotice(message('transfer.objects.notDurable', { name }))
  once.isTold = true
  const now = Date.now()
  if (now - once.sweptAt < DAY_MS) return
  once.sweptAt = now
  store.sweep(now - LEFT_OVER_MS).catch((thrown) => {
    events.log('warn', `left-overs of interrupted uploads at ${name}: ${errorText(thrown)}`)
  })
}

/** Keeps up sessions with a store of objects for as long as it is wanted. */
export function openObjects(
  options: ObjectOptions,
  { address, reach }: ObjectKind,
  events: DestinationEvents,
  watch?: typeof watchWake,
): Destination {
  const { name } = options.destination
  const once: Once = { sweptAt: 0, isTold: false }

  const serve = async (
    signal: AbortSignal,
    onConnected: (connected: { localAddress: string | null; drop(why: Error): void } | null) => void,
  ): Promise<unknown> => {
    const reached = await reach(signal)
    const { store, localAddress } = reached
    const ending = new AbortController()
    const over = AbortSignal.any([signal, ending.signal])
    const end = (reason: unknown) => ending.abort(reason)
    const ended = new Promise<unknown>((resolve) => {
      over.addEventListener('abort', () => resolve(over.reason))
    })
    void store.ended.then(end)
    onConnected({ localAddress, drop: end })
    try {
      signal.throwIfAborted()
      const opened = openOn(reached, options, events, end, over)
      const session = await Promise.race([opened, ended.then((why) => Promise.reject(why))])
      lookAfter(store, name, events, once)
      const reason = await ended
      session.close()
      events.onSession(null)
      return reason
    } finally {
      end(new StoreFault('lost', 'closed'))
      store.close()
      onConnected(null)
    }
  }

  const trouble = (reason: unknown, wasConnected: boolean) =>
    troubleOf(reason, { name, address }, wasConnected)
  return keepConnected({ serve, troubleOf: trouble, retrySeconds: options.retrySeconds }, events, watch)
}
