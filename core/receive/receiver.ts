import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { createLimitedLog } from '../lib/async/limited-log.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { englishWords } from '../lib/i18n/words.ts'
import { replaceFile } from '../platform/replace-file.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { loadIdentity } from '../protocol/identity.ts'
import { type StoreLayout, storeLayout } from '../store/layout.ts'
import { claimStore } from '../store/lock.ts'
import type { StoreRules } from '../store/quota/rules.ts'
import { foldersIn, openSenders } from '../store/senders/senders.ts'
import { Store } from '../store/store.ts'
import { createConnected } from './connection/active-connections.ts'
import { SenderConnection } from './connection/connection.ts'
import { createConnectionHost } from './connection/host.ts'
import { openListener } from './connection/listener.ts'
import { createCounters, sumCounts } from './connection/refusals.ts'
import { watchSenderList } from './connection/sender-list-watch.ts'
import { type IsocketOptions, openIsocket } from './isocket/listener.ts'
import { writeAbout } from './pairing/invitation.ts'
import { openSeenLog, senderStates } from './senders/last-seen.ts'

export interface ReceiverOptions {
  storeDirectory: string
  /** Directory that records the stores that were set up; omitted: not recorded. */
  setUpStores?: string
  host: string
  /** 0: any free port. */
  port: number
  name: string
  rules: StoreRules
  /** The script of the store's threads. */
  storeThread: URL
  /** Where to accept original isocket clients; omitted: not at all. */
  isocket?: IsocketOptions | null
}

export interface ReceiverEvents {
  /** A file became durable, this many seconds after its last byte was received. */
  onDurable?(seconds: number): void
  /** The store's manifest was replaced by a different one. The receiver refuses files until it is restarted. */
  onReplaced?(): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void
}

export type Receiver = Awaited<ReturnType<typeof startOnStore>>

/**
 * Runs a receiver on a store.
 * @throws UserError if the store is unusable, or the address cannot be listened on.
 */
export async function startStoreReceiver(
  options: ReceiverOptions,
  events: ReceiverEvents,
): Promise<Receiver> {
  const layout = storeLayout(options.storeDirectory)
  const { setUpStores } = options
  if (setUpStores !== undefined) await refuseMissingStore(setUpStores, layout)
  const lock = await claimStore(layout, events.log)
  const opened: Opened[] = [lock.release]
  try {
    const receiver = await startOnStore(options, events, layout, opened)
    if (setUpStores !== undefined)
      await rememberStore(setUpStores, layout).catch((error: unknown) =>
        events.log('warn', `that ${layout.root} is a store cannot be remembered: ${String(error)}`),
      )
    return receiver
  } catch (error) {
    await closeAll(opened)
    throw error
  }
}

/** Closes a resource of the receiver. */
type Opened = () => Promise<void> | void

/** Closes the resources in reverse order. */
async function closeAll(opened: Opened[]): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close()
}

async function startOnStore(
  options: ReceiverOptions,
  events: ReceiverEvents,
  layout: StoreLayout,
  opened: Opened[],
) {
  const { name } = options
  const { log } = events
  const warn = (text: string) => log('warn', text)
  const store = new Store(layout, {
    thread: options.storeThread,
    rules: options.rules,
    log: warn,
    onDurable: (seconds) => events.onDurable?.(seconds),
    onReplaced: () => events.onReplaced?.(),
  })
  opened.push(() => store.close())
  const senders = await openSenders(
    layout.senders,
    (sentence) => warn(englishWords(sentence)),
    () => foldersIn(layout),
  )
  const identity = await loadIdentity(layout.identity)
  const counters = createCounters()
  const connected = createConnected()
  const logNotWritten = createLimitedLog(warn)
  opened.push(logNotWritten.end)
  const seen = await openSeenLog(layout.seen, (text) => logNotWritten(`not written: ${text}`))
  const host = createConnectionHost({ name, layout, store, senders, connected, seen, counters, log })
  opened.push(host.endLogs)

  const listener = await openListener(
    options,
    identity,
    (socket, letIn) => new SenderConnection(socket, host, letIn),
    host.onRefusedConnection,
  )
  opened.push(listener.close)
  const isocket = options.isocket ? await openIsocket(options.isocket, host) : null
  if (isocket !== null) opened.push(isocket.close)
  const { port } = listener
  const { fingerprint } = identity
  const about = { host: options.host, port, name, fingerprint, pid: process.pid }
  await writeAbout(layout, about).catch((error: unknown) => warn(`${layout.receiver}: ${String(error)}`))
  const roster = watchSenderList({ senders, connected, seen, store, wanted: layout.wanted, log })
  opened.push(roster.stop)

  return {
    port,
    fingerprint,
    storeDirectory: layout.root,
    get refusedConnections() {
      return sumCounts(counters.refusedConnections)
    },
    get pairedSenders() {
      return senders.pairedCount
    },
    counters,
    /** Number of connections: admitted senders, and original isocket clients. */
    get connections() {
      return { senders: connected.count, isocket: isocket?.connections ?? 0 }
    },
    /** Age of the oldest unanswered call to the store's disk, in milliseconds. */
    get stalledMs() {
      return store.stalledMs()
    },
    /** The senders that may send. */
    senderStates: () => senderStates(senders, seen, connected.folders()),
    /** A sender's usage of the store, by its folder. */
    usage: (folder: string) => store.usage(folder),
    close: () => closeAll(opened),
  }
}

/** Returns the file that records the setup of a store. It is not on the store's disk, which may not be mounted. */
const getNotePath = (directory: string, root: string): string =>
  path.join(directory, createHash('sha256').update(root).digest('hex').slice(0, 32))

/** True only if the system reports the file as absent. On any other error the store may still exist. */
const isAbsent = (file: string): Promise<boolean> =>
  stat(file).then(
    () => false,
    (error) => isGone(errorCode(error)),
  )

/**
 * Refuses to recreate a store that was set up before: it would be a new receiver, below the mount point of its disk.
 * @param directory where the setup of stores is recorded.
 * @throws UserError transfer.storeGone
 */
async function refuseMissingStore(directory: string, { own, root }: StoreLayout): Promise<void> {
  if ((await isAbsent(own)) && !(await isAbsent(getNotePath(directory, root))))
    throw new UserError('transfer.storeGone', { path: root, own })
}

/** Records that a store was set up. @throws the system error. */
async function rememberStore(directory: string, { root }: StoreLayout): Promise<void> {
  const note = getNotePath(directory, root)
  if (!(await isAbsent(note))) return
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await replaceFile(note, `${root}\n`)
}
