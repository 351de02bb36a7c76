import path from 'node:path'
import { untilAborted } from '../../../lib/async/until-aborted.ts'
import { message } from '../../../lib/i18n/message.ts'
import { errorText } from '../../../platform/system-error.ts'
import type { Encryption } from '../../../settings/destination-schema.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { openEncrypting } from '../encrypted/encrypted-session.ts'
import { KeptConnection, type OpenedSession, type SessionAttempt } from '../keep-connected.ts'
import type { OpenOptions } from '../open.ts'
import { toConnectionTrouble } from './faults.ts'
import { claimFolder, keepNameKeys } from './folder-owner.ts'
import { openObjectSession } from './object-session.ts'
import { type ObjectStore, StoreFault } from './object-store.ts'

/** An interrupted upload can be resumed for a week. */
const LEFT_OVER_MS = 7 * 86_400_000
/** Interval between two sweeps: a server may continue requests of a session whose connection was cut. */
const SWEEP_EVERY_MS = 600_000

/** Interval between two checks that the folder still belongs to this computer. */
const OWNER_EVERY_MS = 60_000

/** A store that was reached. */
export interface ReachedStore {
  store: ObjectStore
  /** This computer's address on the connection; null: no lasting connection, or unknown. */
  localAddress: string | null
  /** True if the store is on this computer. */
  isToItself: boolean
}

/** A kind of destination that stores objects. */
export interface ObjectKind {
  /** The address, for messages. */
  address: string
  /**
   * Connects to the store and logs in.
   * @throws StoreFault; UserError if only a person can help.
   */
  reach(signal: AbortSignal): Promise<ReachedStore>
}

export type ObjectOptions = Omit<OpenOptions, 'status' | 'storeThread'> & {
  destination: Encryption & { name: string; folder: string }
}

/** Opens a session, without reporting it yet. */
async function openOn(
  store: ObjectStore,
  options: ObjectOptions,
  events: DestinationEvents,
  { signal, end }: SessionAttempt,
  told: { time: boolean },
): Promise<Pick<OpenedSession, 'session' | 'close'>> {
  const { destination, identity, sessions, keep, bucket } = options
  const { name, folder, recipient, hideNames } = destination
  const encrypting = await openEncrypting(destination, identity)
  const { fingerprint } = identity
  const isKnown = sessions.hello() !== null
  const claim = { folder, fingerprint, computer: options.name, at: name, isKnown, recipient, hideNames }
  const own = await claimFolder(store, claim, signal)
  if (encrypting !== null) await keepNameKeys(store, folder, encrypting)
  // Only receivers have positions: here they only record whether the folder has files.
  const { epoch } = own
  const remembered = { epoch, position: own.isNew ? 0 : 1, last: null, next: epoch, isForked: false }
  const { asksFirst, notice } = await sessions.welcome(remembered)
  // An abort that came before the session exists would leave it open for ever.
  signal.throwIfAborted()
  if (notice !== null) events.onNotice(notice)
  // Encrypting the same content again gives other bytes, so comparing them is useless.
  const compares = encrypting === null
  const session = openObjectSession(store, {
    name,
    own,
    folder,
    keep,
    bucket,
    asksFirst,
    compares,
    onLost: end,
    onTime({ source, path: file }) {
      if (told.time) return
      told.time = true
      const [first, last] = ['1970', '2106']
      const shown = path.join(source.path, encrypting?.shown(file) ?? file)
      events.onNotice(message('transfer.objects.timeNotKept', { name, first, last, path: shown }))
    },
  })
  const timer = setInterval(() => {
    own.isSame().then(
      // The next session checks the owner.
      (is) => is || end(new StoreFault('lost', 'the folder is not there any more')),
      // A store that does not answer is reported by the transfers.
      () => undefined,
    )
  }, OWNER_EVERY_MS)
  const close = () => {
    clearInterval(timer)
    session.close()
  }
  return { session: encrypting?.session(session) ?? session, close }
}

/** Keeps sessions with an object store open while it is wanted. */
export function openObjects(
  options: ObjectOptions,
  { address, reach }: ObjectKind,
  events: DestinationEvents,
): OpenDestination {
  const { name } = options.destination
  let isTold = false
  const told = { time: false }

  /** Starts the background work of a session; returns a function that stops it. */
  const lookAfter = (store: ObjectStore): (() => void) => {
    if (!store.can.durable && !isTold) events.onNotice(message('transfer.objects.notDurable', { name }))
    isTold = true
    const sweep = () => {
      store.sweep(Date.now() - LEFT_OVER_MS).catch((error) => {
        events.log('info', `left-overs of interrupted uploads at ${name}: ${errorText(error)}`)
      })
    }
    sweep()
    const timer = setInterval(sweep, SWEEP_EVERY_MS)
    return () => clearInterval(timer)
  }

  const open = async (attempt: SessionAttempt): Promise<OpenedSession> => {
    const { store, localAddress, isToItself } = await reach(attempt.signal)
    void store.ended.then(attempt.end)
    try {
      attempt.signal.throwIfAborted()
      const opened = await untilAborted(attempt.signal, openOn(store, options, events, attempt, told))
      const endLooking = lookAfter(store)
      const close = () => {
        endLooking()
        opened.close()
        store.close()
      }
      return { session: opened.session, localAddress, isToItself, close }
    } catch (error) {
      store.close()
      throw error
    }
  }

  return new KeptConnection(
    {
      open,
      toTrouble: (reason, wasConnected) => toConnectionTrouble(reason, { name, address }, wasConnected),
      retrySeconds: options.retrySeconds,
    },
    events,
  )
}
