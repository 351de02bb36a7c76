import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { defer } from '../../defer.ts'
import { untilAborted } from '../../lib/async/timing.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorText } from '../../platform/system-error.ts'
import { folderName } from '../../protocol/names.ts'
import type { Encryption } from '../../settings/destination-schema.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import type { DestinationTest, TestStage } from '../backend-messages.ts'
import { type ConnectionTest, runConnectionTest, testFile } from '../connection-test.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { openEncrypting } from '../encrypted/encrypted-session.ts'
import { BackendError, orIf, toConnectionTrouble } from '../errors.ts'
import { KeptConnection, type OpenedSession, type SessionAttempt } from '../keep-connected.ts'
import type { OpenOptions, TryOptions } from '../options.ts'
import { checkOwner, claimFolder, keepNameKeys, renewLocks } from './folder-owner.ts'
import { ObjectSession } from './object-session.ts'
import { type ObjectStore, putOwn, readSmall } from './object-store.ts'

/** An interrupted upload can be resumed for a week. */
const LEFT_OVER_MS = 7 * 86_400_000
/** Interval between two sweeps: a server may continue requests of a session whose connection was cut. */
const SWEEP_EVERY_MS = 600_000
/** Interval between two checks that the folder still belongs to this computer. */
const OWNER_EVERY_MS = 60_000
/** Time of a test's file: a server that does not set times gives it another one. */
const TEST_TIME_NS = 1_000_000_000_000_000_000n
/** Interval between two renewals of locks, of which the shortest lasts a day. */
const LOCK_EVERY_MS = 6 * 3_600_000

/** A store that was reached. */
export interface ReachedStore {
  store: ObjectStore
  /** Returns notes on the store's abilities for a test, and removes the remains of that. */
  notes?(): Promise<Message[]>
  /** The key of an SFTP server. */
  hostKey?: string
  /** This computer's address on the connection; null: no lasting connection, or unknown. */
  localAddress: string | null
  /** True if the store is on this computer. */
  isToItself: boolean
}

/** A destination of a kind that stores objects. */
export interface ObjectKind {
  /** The address, for messages. */
  address: string
  /**
   * Connects to the store and logs in.
   * @throws BackendError; UserError if only a person can help.
   */
  reach(folder: string, secrets: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ReachedStore>
  /** Returns a clearer error for one that ended a test, if possible. */
  explain?(error: unknown, folder: string, stage: TestStage): Promise<unknown>
}

type ObjectOptions = Omit<OpenOptions, 'status' | 'storeThread'> & {
  destination: Encryption & { name: string; folder: string }
}

/** Keeps sessions with an object store open while it is wanted. */
export function openObjects(
  options: ObjectOptions,
  { address, reach }: ObjectKind,
  events: DestinationEvents,
): OpenDestination {
  const { destination, secrets } = options
  const { name, folder } = destination
  /** The notices that were given: each only once. */
  const given = { notDurable: false, time: false, lock: false }

  /** Starts the background work of a session; returns a function that stops it. */
  const lookAfter = (store: ObjectStore): (() => void) => {
    if (!store.can.durable && !given.notDurable)
      events.onNotice(message('transfer.objects.notDurable', { name }))
    given.notDurable = true
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
    const { store, localAddress, isToItself } = await reach(folder, secrets, attempt.signal)
    void store.ended.then(attempt.end)
    try {
      attempt.signal.throwIfAborted()
      const opened = await untilAborted(attempt.signal, openOn(store, options, events, attempt, given))
      const endLooking = lookAfter(store)
      const close = () => {
        endLooking()
        opened.close()
        store.close()
      }
      return { session: opened.session, localAddress, isToItself, isDurable: store.can.durable, close }
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

/** Opens a session, without reporting it yet. */
async function openOn(
  store: ObjectStore,
  options: ObjectOptions,
  events: DestinationEvents,
  { signal, end }: SessionAttempt,
  given: { time: boolean; lock: boolean },
): Promise<Pick<OpenedSession, 'session' | 'close'>> {
  const { destination, identity, sessions, keep, bucket } = options
  const { name, folder, recipient, hideNames } = destination
  const encrypting = await openEncrypting(destination, identity)
  const { fingerprint } = identity
  const isKnown = sessions.hello() !== null
  const claim = { folder, fingerprint, computer: options.name, at: name, isKnown, recipient, hideNames }
  const own = await claimFolder(store, claim, signal)
  if (encrypting !== null) await keepNameKeys(store, folder, encrypting)
  const renew = async () => {
    try {
      await renewLocks(store, folder, encrypting)
    } catch (error) {
      // Files are sent all the same: their own locks are no part of this.
      if (!(error instanceof BackendError && error.kind === 'denied')) throw error
      if (!given.lock)
        events.onNotice(message('transfer.objects.lockNotRenewed', { name, reason: error.reason }))
      given.lock = true
    }
  }
  await renew()
  // Only receivers have positions: here they only record whether the folder has files.
  const { epoch } = own
  const remembered = { epoch, position: own.isNew ? 0 : 1, last: null, next: epoch, isForked: false }
  const { asksFirst, notice } = await sessions.welcome(remembered)
  // An abort that came before the session exists would leave it open for ever.
  signal.throwIfAborted()
  if (notice !== null) events.onNotice(notice)
  // Encrypting the same content again gives other bytes, so comparing them is useless.
  const compares = encrypting === null
  const session = new ObjectSession(store, {
    name,
    own,
    folder,
    keep,
    bucket,
    asksFirst,
    compares,
    onLost: end,
    onTime({ source, path: file }) {
      if (given.time) return
      given.time = true
      const [first, last] = ['1970', '2106']
      const shown = path.join(source.path, encrypting?.shown(file) ?? file)
      events.onNotice(message('transfer.objects.timeNotKept', { name, first, last, path: shown }))
    },
  })
  const timer = setInterval(() => {
    own.isSame().then(
      // The next session checks the owner.
      (is) => is || end(new BackendError('lost', 'the folder is not there any more')),
      // A store that does not answer is reported by the transfers.
      () => undefined,
    )
  }, OWNER_EVERY_MS)
  const lockTimer = setInterval(() => {
    renew().catch((error) => events.log('warn', `locks at ${name} are not renewed: ${errorText(error)}`))
  }, LOCK_EVERY_MS).unref()
  const close = () => {
    clearInterval(timer)
    clearInterval(lockTimer)
    session.close()
  }
  return { session: encrypting?.session(session) ?? session, close }
}

/** Tests a store: its first step includes checking the folder's owner. */
export function testObjects(
  destination: { name: string; folder?: string | undefined },
  { address, reach, explain }: ObjectKind,
  { identity, name: computer, secrets, signal, stage = 'given' }: TryOptions,
): Promise<DestinationTest> {
  const { name, folder = folderName(computer) } = destination
  const connect = async (): Promise<ReachedStore> => {
    const reached = await reach(folder, secrets, signal)
    const { store } = reached
    await checkOwner(store, { folder, at: name, fingerprint: identity.fingerprint }, signal).catch(
      (error) => {
        store.close()
        throw error
      },
    )
    return reached
  }
  const run: ConnectionTest['run'] = async (step, found) => {
    const { store, notes, hostKey } = await step('connect', connect)
    if (hostKey !== undefined) found.hostKey = hostKey
    using _ = defer(() => store.close())
    const file = `${folder}/${OWN_DIRECTORY}/test-${randomUUID()}`
    const remove = () => store.remove(file)
    await testFile(name, step, {
      write: (bytes) => putOwn(store, file, bytes, { replace: false }, TEST_TIME_NS),
      read: (mostBytes) => readSmall(store, file, signal, mostBytes),
      remove,
    })
    // A login that may only add objects cannot destroy existing ones, which is an advantage.
    const isRemoved = await step('remove', remove).then(() => true, orIf('denied', false))
    if (!isRemoved) found.notes.push(message('test.keepsAll'))
    found.durable = store.can.durable
    if (!store.can.durable) found.notes.push(message('transfer.objects.notDurable', { name }))
    found.notes.push(...((await notes?.()) ?? []))
    return message(isRemoved ? 'test.works' : 'test.worksKeeping', { name })
  }
  return runConnectionTest({
    name,
    signal,
    run: (step, found) =>
      run(step, found).catch(async (error: unknown) => {
        if (error instanceof UserError) noteShown(error, found)
        throw explain === undefined ? error : await untilAborted(signal, explain(error, folder, stage))
      }),
    why: (error) => toConnectionTrouble(error, { name, address }, false).problem,
  })
}

/** Records the host key or the certificate that a server presented and that was refused. */
function noteShown({ sentence: { params } }: UserError, found: DestinationTest['found']): void {
  if (typeof params.found === 'string') found.hostKey = params.found
  if (typeof params.fingerprint === 'string') found.certificate = params.fingerprint
}
