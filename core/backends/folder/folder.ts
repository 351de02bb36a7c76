import { randomBytes, randomUUID } from 'node:crypto'
import { open, readFile, stat, statfs, unlink } from 'node:fs/promises'
import path from 'node:path'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { isOnOtherComputer } from '../../platform/mounts.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import type { FrameChannel } from '../../protocol/channel.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { Frame, FrameHeader, FrameType } from '../../protocol/frames.ts'
import type { FolderDestination } from '../../settings/destination-schema.ts'
import { EMBEDDED_DESTINATION } from '../../settings/destinations.ts'
import { type StoreLayout, storeLayout } from '../../store/layout.ts'
import { claimStore } from '../../store/lock.ts'
import { DEFAULT_RULES } from '../../store/quota/admission.ts'
import { openSource } from '../../store/senders/open-source.ts'
import {
  foldersIn,
  listResendRequests,
  openSenders,
  type Sender,
  type Senders,
} from '../../store/senders/senders.ts'
import { StoreSession } from '../../store/session/upload-session.ts'
import { compareSessions, Store } from '../../store/store.ts'
import type { DestinationTest, TestStage } from '../backend-messages.ts'
import { runConnectionTest, testFile } from '../connection-test.ts'
import type { DestinationEvents, OpenDestination, OwnSession } from '../destination.ts'
import { type Encrypting, openEncrypting } from '../encrypted/encrypted-session.ts'
import {
  type ConnectionTrouble,
  type Connector,
  describeHang,
  KeptConnection,
  type OpenedSession,
  type SessionAttempt,
  STALLED_MS,
} from '../keep-connected.ts'
import type { OpenOptions, Tested, TryOptions } from '../options.ts'
import { ReceiverSession } from '../receiver/receiver-session.ts'
import { claimEncryption, keepNameKeys } from './encryption.ts'
import { getStoreInode, NotMounted, notMountedWords } from './mounted.ts'

// A folder of this computer. A session opens the store in the folder, agrees with it on the files that are stored, and
// connects a sender's session with a session of the store: the frames pass without a socket. While it is open, a timer
// checks that the folder's disk is still mounted and which files the store wants again.

/** The credit of the session, as large as the most that a receiver gives to one connection. */
const WINDOW = { bytes: 16 * 1024 * 1024, files: 8192 }
const LOOK_EVERY_MS = 2_000
/** Interval between two queries for files that the store wants again: files asked for earlier may not have arrived. */
const ASK_EVERY_MS = 10 * 60_000

type FolderOptions = Pick<
  OpenOptions,
  'identity' | 'name' | 'retrySeconds' | 'keep' | 'bucket' | 'sessions' | 'storeThread'
> & { destination: FolderDestination }

/** An open folder, locked by this process. */
interface OpenFolder {
  layout: StoreLayout
  store: Store
  senders: Senders
  /** This computer as a sender of the store. */
  me: Sender
  mark: bigint
  /** The folder is on another computer's disk. */
  isElsewhere: boolean
  close(): Promise<void>
}

type End = Pick<FrameChannel, 'send' | 'room'>

interface FolderWatching {
  /** The folder's disk is not mounted. */
  onLost(why: Error): void
  /** How long the disk has not answered a call, in milliseconds; called at every check. */
  onStalled(ms: number): void
  /** The store wants these files again: source id and path. */
  onWanted(files: [string, string][]): void
  log(text: string): void
}

/** Keeps a session with a folder of this computer open while it is wanted. */
export function openFolder(options: FolderOptions, events: DestinationEvents): OpenDestination {
  const { destination, retrySeconds } = options
  const connector: Connector = {
    open: (attempt) => openSession(options, events, attempt),
    toTrouble: (reason) => toConnectionTrouble(reason, destination),
    retrySeconds,
  }
  return new KeptConnection(connector, events)
}

/** See Connector.open. */
async function openSession(
  options: FolderOptions,
  events: DestinationEvents,
  { signal, end }: SessionAttempt,
): Promise<OpenedSession> {
  const { destination, sessions } = options
  const { name } = destination
  const log = (text: string) => events.log('warn', `${name}: ${text}`)
  const encrypting = await openEncrypting(destination, options.identity)
  const onReplaced = () => end(Object.assign(new Error('another manifest'), { code: 'ESTALE' }))
  const isOwn = destination.id === EMBEDDED_DESTINATION
  const opening = openFolderStore(options, isOwn, encrypting, log, onReplaced)
  const folder = await reportWhileHung(name, events, opening)
  try {
    signal.throwIfAborted()
    const { session, close: endSession } = await openFolderSession(folder, options, events)
    const unwatch = watchFolder(folder, {
      onLost: end,
      onStalled: (ms) => events.onTrouble(describeHang(ms, name)),
      onWanted(files) {
        const known = files.map(([id, path]) => [id, encrypting?.shown(path) ?? path] as const)
        if (sessions.offerAgain(known) > 0) events.onWanted()
      },
      log,
    })
    const close = () => {
      unwatch()
      endSession()
      void folder.close()
    }
    return {
      session: encrypting?.session(session) ?? session,
      isToItself: !folder.isElsewhere,
      // Loopback: a change of the network does not end this session.
      localAddress: '127.0.0.1',
      close,
    }
  } catch (error) {
    void folder.close()
    throw error
  }
}

/** By the store's root: resolves when the last opening of it is closed. The next one waits for that. */
const inUse = new Map<string, Promise<void>>()

/** Resolves when the store in a folder is closed, if it is open. Hangs if the disk does. */
export const whenFolderClosed = async ({ path }: Pick<FolderDestination, 'path'>): Promise<void> =>
  inUse.get(storeLayout(path).root)

/**
 * Opens the store in a folder. Hangs if the disk does.
 * @param isOwn the folder is this computer's own store: it is created if it does not exist.
 * @param onReplaced see `Store`.
 * @throws NotMounted; UserError if only a person can help; the system error.
 */
async function openFolderStore(
  { destination, identity, name, keep, storeThread }: FolderOptions,
  isOwn: boolean,
  encrypting: Encrypting | null,
  log: (text: string) => void,
  onReplaced: () => void,
): Promise<OpenFolder> {
  const layout = storeLayout(destination.path)
  const before = inUse.get(layout.root)
  const closed = Promise.withResolvers<void>()
  inUse.set(layout.root, closed.promise)
  await before
  let lock: Awaited<ReturnType<typeof claimStore>> | null = null
  let store: Store | null = null
  const close = async () => {
    await store?.close().catch((error: unknown) => log(String(error)))
    try {
      lock?.release()
    } finally {
      closed.resolve()
      if (inUse.get(layout.root) === closed.promise) inUse.delete(layout.root)
    }
  }
  try {
    if (!isOwn) await getStoreInode(layout)
    lock = await claimStore(layout, (_, text) => log(text))
    const mark = await getStoreInode(layout)
    await claimEncryption(layout, destination)
    if (encrypting !== null) await keepNameKeys(layout, encrypting)
    store = new Store(layout, { thread: storeThread, rules: { ...DEFAULT_RULES, keep }, log, onReplaced })
    const senders = await openSenders(
      layout.senders,
      (sentence) => log(englishWords(sentence)),
      () => foldersIn(layout),
    )
    const { fingerprint } = identity
    const me = await senders.own(fingerprint, name)
    if (me === null)
      throw new UserError('transfer.folderRevoked', { name: destination.name, path: layout.root })
    return { layout, store, senders, me, mark, isElsewhere: isOnOtherComputer(layout.root), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Connects both ends of a session in this process: the frames of a connection to a receiver, without a socket. */
async function openFolderSession(
  folder: OpenFolder,
  options: FolderOptions,
  events: DestinationEvents,
): Promise<{ session: OwnSession; close(): void }> {
  const { name, path: directory } = options.destination
  const { store, senders, me } = folder
  const { id, asksFirst } = await reportWhileHung(name, events, agree(folder, options, events))
  const back: End = {
    send(type, header) {
      if (!session.closed) session.onFrame(createFrame(type, header, []))
    },
    room: () => Promise.resolve(),
  }
  const storing = new StoreSession(back, store, id, WINDOW, {
    openSource: (source, called, signal) =>
      openSource({ store, senders }, me.folder, { id: source, name: called, signal }),
  })
  const there: End = {
    send(type, header, pieces = [], onUsed) {
      if (!session.closed) storing.handle(createFrame(type, header, pieces), onUsed)
    },
    room: () => Promise.resolve(),
  }
  const session = new ReceiverSession(there, WINDOW, {
    receiver: name,
    bucket: options.bucket,
    asksFirst,
    async space() {
      const { bavail, blocks, bsize } = await statfs(directory)
      return { free: bavail * bsize, total: blocks * bsize }
    },
  })
  return {
    session,
    close() {
      session.close()
      // Resumable parts are kept.
      storing.close(true)
    },
  }
}

/**
 * Compares the sessions that the store and this computer remember; files missing on either side are offered again. Returns
 * the new session's id; null: this computer has recorded none.
 */
async function agree(
  { store, me }: OpenFolder,
  { sessions }: FolderOptions,
  events: DestinationEvents,
): Promise<{ id: string | null; asksFirst: boolean }> {
  const theirs = sessions.hello()
  const known = await store.known(me.folder)
  if (known === null) return { id: null, asksFirst: false }
  const { isForked, offerSince } = compareSessions(theirs, known)
  if (offerSince !== null) await store.wantSince(me.folder, offerSince)
  const { epoch, position, session } = known
  const id = randomBytes(16).toString('hex')
  const welcome = { epoch, position, last: session, next: id, isForked }
  const { asksFirst, notice } = await sessions.welcome(welcome)
  if (notice !== null) events.onNotice(notice)
  return { id, asksFirst }
}

/** Reports that the disk hangs while `work` is pending. */
async function reportWhileHung<T>(name: string, events: DestinationEvents, work: Promise<T>): Promise<T> {
  let isHung = false
  for (let ms = STALLED_MS; ; ms += STALLED_MS) {
    const answer = await withTimeout(STALLED_MS, work)
    if (answer !== LATE) {
      if (isHung) events.onState('connecting', null)
      return answer
    }
    isHung = true
    events.onState('unreachable', describeHang(ms, name))
  }
}

/** Joins the pieces. The store transfers a batch's memory to a thread, so it must contain nothing else. */
function joinPieces(type: FrameType, pieces: readonly Uint8Array[]): Buffer {
  const [one] = pieces
  if (one !== undefined && pieces.length === 1 && (type !== 'batch' || batchBuffers.holds(one)))
    return Buffer.from(one.buffer, one.byteOffset, one.length)
  // Buffer.concat is unsuitable: its memory is part of a pool.
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((total, { length }) => total + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

function createFrame<T extends FrameType>(type: T, header: FrameHeader<T>, pieces: readonly Uint8Array[]) {
  return { type, header, payload: joinPieces(type, pieces) } as Frame
}

/** Watches an open folder; returns a function that stops it. */
function watchFolder(
  { layout, store, senders, me, mark }: OpenFolder,
  { onLost, onStalled, onWanted, log }: FolderWatching,
): () => void {
  let stamp: string | null = null
  let askedAt = 0
  let isLooking = false
  let isFailing = false

  /** Queries wanted files if the store's `wanted` file has changed, as after a verification, or after ASK_EVERY_MS. */
  const askWanted = async (): Promise<void> => {
    const now = await stat(layout.wanted, { bigint: true }).then(
      ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
      () => '',
    )
    if (now === stamp && performance.now() - askedAt < ASK_EVERY_MS) return
    for await (const files of listResendRequests(store, senders, me.folder))
      if (files.length > 0) onWanted(files)
    askedAt = performance.now()
    stamp = now
  }

  const look = async (): Promise<void> => {
    // Only one check at a time: on a disk that hangs they would pile up.
    if (isLooking) return
    isLooking = true
    try {
      if ((await getStoreInode(layout)) !== mark) throw new NotMounted(layout.own)
      await askWanted()
      isFailing = false
    } catch (error) {
      if (error instanceof NotMounted) onLost(error)
      else if (!isFailing) log(`it cannot be looked at: ${errorText(error)}`)
      isFailing = true
    } finally {
      isLooking = false
    }
  }

  const timer = setInterval(() => {
    onStalled(store.stalledMs())
    void look()
  }, LOOK_EVERY_MS)
  void look()
  return () => clearInterval(timer)
}

/** Returns the state and message for a folder that cannot be used, or no longer. */
function toConnectionTrouble(error: unknown, { name, path }: FolderDestination): ConnectionTrouble {
  if (error instanceof NotMounted) return { state: 'unreachable', problem: notMountedWords({ name, path }) }
  const reason = errorCode(error) ?? errorText(error)
  return { state: 'unreachable', problem: message('transfer.folderFailed', { name, path, reason }) }
}

/** Tests a folder: writes a small file, reads it back and removes it. */
export function testFolder(
  destination: Tested<'folder'>,
  { signal, stage = 'given' }: TryOptions,
): Promise<DestinationTest> {
  const { name, path: directory } = destination
  const file = path.join(directory, `.holdfast-test-${randomUUID()}`)
  return runConnectionTest({
    name,
    signal,
    async run(step, found) {
      await step('connect', () => connect(directory, stage))
      const remove = () => unlink(file)
      await testFile(name, step, {
        write: (bytes) => writeNew(file, bytes),
        read: () => readFile(file),
        remove,
      })
      await step('remove', remove)
      found.durable = true
      if (!isOnOtherComputer(directory)) found.notes.push(message('test.onThisComputer'))
      if (stage === 'adding') await makeReady(destination)
      return message('test.works', { name })
    },
    why(error) {
      if (error instanceof NotMounted) return notMountedWords(destination)
      const reason = errorCode(error) ?? errorText(error)
      const isFull = reason === 'ENOSPC' || reason === 'EDQUOT'
      return message(isFull ? 'test.folderFull' : 'test.folder', { path: directory, reason })
    },
  })
}

/** @throws NotMounted if a folder of the settings is not mounted: below its path lies another disk. */
async function connect(directory: string, stage: TestStage): Promise<void> {
  if (!(await stat(directory)).isDirectory()) throw new UserError('refuse.notDirectory', { path: directory })
  if (stage === 'kept') await getStoreInode(storeLayout(directory))
}

/**
 * Creates Holdfast's own directory, which identifies the folder from now on.
 * @throws UserError if the folder is in use, inside another store, or encrypted with another setting.
 */
async function makeReady(destination: Tested<'folder'>): Promise<void> {
  const layout = storeLayout(destination.path)
  const lock = await claimStore(layout, () => undefined)
  await claimEncryption(layout, destination).finally(() => lock.release())
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
