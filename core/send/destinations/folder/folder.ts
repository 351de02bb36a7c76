import { randomBytes } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { LATE, withTimeout } from '../../../lib/async/with-timeout.ts'
import { message } from '../../../lib/i18n/message.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import type { FolderDestination } from '../../../settings/destination-schema.ts'
import { EMBEDDED_DESTINATION } from '../../../settings/destinations.ts'
import { compareSessions } from '../../../store/store.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { openEncrypting } from '../encrypted/encrypted-session.ts'
import { describeHang, STALLED_MS } from '../hung.ts'
import {
  type ConnectionTrouble,
  type Connector,
  KeptConnection,
  type OpenedSession,
  type SessionAttempt,
} from '../keep-connected.ts'
import type { OpenOptions } from '../open.ts'
import { openFolderSession } from './folder-session.ts'
import { type OpenFolder, openFolderStore } from './open-store.ts'
import { NotMounted, notMountedWords } from './place.ts'
import { watchFolder } from './watch-folder.ts'

export type FolderOptions = Pick<
  OpenOptions,
  'identity' | 'name' | 'retrySeconds' | 'keep' | 'bucket' | 'sessions' | 'storeThread'
> & { destination: FolderDestination }

/** Compares the sessions that the store and this computer remember; files missing on either side are offered again. */
async function agree(
  { store, me }: OpenFolder,
  { sessions }: FolderOptions,
  next: string,
  events: DestinationEvents,
): Promise<boolean> {
  const theirs = sessions.hello()
  const known = await store.known(me.folder)
  if (known === null) return false
  const { isForked, offerSince } = compareSessions(theirs, known)
  if (offerSince !== null) await store.wantSince(me.folder, offerSince)
  const { epoch, position, session } = known
  const { asksFirst, notice } = await sessions.welcome({ epoch, position, last: session, next, isForked })
  if (notice !== null) events.onNotice(notice)
  return asksFirst
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

async function begin(folder: OpenFolder, options: FolderOptions, events: DestinationEvents) {
  const { name } = options.destination
  const { store, senders, me } = folder
  const session = randomBytes(16).toString('hex')
  const asksFirst = await reportWhileHung(name, events, agree(folder, options, session, events))
  return openFolderSession({
    ...{ receiver: name, session, asksFirst },
    store,
    bucket: options.bucket,
    async space() {
      const { bavail, blocks, bsize } = await statfs(options.destination.path)
      return { free: bavail * bsize, total: blocks * bsize }
    },
    getSource: async (id, called) =>
      store.source(me.folder, await senders.sourceDirectory(me.folder, id, called)),
  })
}

/** See Connector. */
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
    const { session, close: endSession } = await begin(folder, options, events)
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

/** Returns the state and message for a folder that cannot be used, or no longer. */
function toConnectionTrouble(error: unknown, { name, path }: FolderDestination): ConnectionTrouble {
  if (error instanceof NotMounted) return { state: 'unreachable', problem: notMountedWords({ name, path }) }
  const reason = errorCode(error) ?? errorText(error)
  return { state: 'unreachable', problem: message('transfer.folderFailed', { name, path, reason }) }
}

/** Keeps a session with a folder of this computer open while it is wanted. */
export function openFolder(options: FolderOptions, events: DestinationEvents): OpenDestination {
  const { destination, retrySeconds } = options
  const keeping: Connector = {
    open: (attempt) => openSession(options, events, attempt),
    toTrouble: (reason) => toConnectionTrouble(reason, destination),
    retrySeconds,
  }
  return new KeptConnection(keeping, events)
}
