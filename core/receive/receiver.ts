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
import { createCounters, totalOf } from './connection/refusals.ts'
import { followRoster } from './connection/sender-list-watch.ts'
import { type IsocketOptions, openIsocket } from './isocket/listener.ts'
import { writeAbout } from './pairing/invitation.ts'
import { openSeenLog, senderStates } from './senders/last-seen.ts'

export interface ReceiverOptions {
  storeDirectory: string
  /** Where set-up stores are remembered; left out: nowhere. */
  setUpStores?: string
  host: string
  /** 0: any free port. */
  port: number
  name: string
  rules: StoreRules
  /** The script of the store's threads. */
  storeThread: URL
  /** Where original isocket clients are accepted; left out: nowhere. */
  isocket?: IsocketOptions | null
}

export interface ReceiverEvents {
  /** A file became durable, so many seconds after its last byte. */
  onDurable?(seconds: number): void
  /** The store's manifest is another one than before: the receiver takes nothing until it is started anew. */
  onReplaced?(): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void
}

export type Receiver = Awaited<ReturnType<typeof startOnStore>>

/**
 * Runs a receiver on a store.
 * @throws UserError when the store cannot be used at all, or the address cannot be listened on.
 */
export async function startStoreReceiver(
  options: ReceiverOptions,
  events: ReceiverEvents,
): Promise<Receiver> {
  const layout = storeLayout(options.storeDirectory)
  const { setUpStores } = options
  if (setUpStores !== undefined) await refuseAnew(setUpStores, layout)
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

/** Closes something that was opened for the receiver. */
type Opened = () => Promise<void> | void

/** What was opened last goes first. */
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
  const roster = followRoster({ senders, connected, seen, store, wanted: layout.wanted, log })
  opened.push(roster.stop)

  return {
    port,
    fingerprint,
    storeDirectory: layout.root,
    get refusedConnections() {
      return totalOf(counters.refusedConnections)
    },
    get pairedSenders() {
      return senders.pairedCount
    },
    counters,
    /** Connections of senders that are let in, and of original isocket clients. */
    get connections() {
      return { senders: connected.count, isocket: isocket?.connections ?? 0 }
    },
    /** How long the store's disk has left its oldest call unanswered, in milliseconds. */
    get stalledMs() {
      return store.stalledMs()
    },
    /** Those that may send. */
    senderStates: () => senderStates(senders, seen, connected.folders()),
    /** What a sender has in the store, by its folder. */
    usage: (folder: string) => store.usage(folder),
    close: () => closeAll(opened),
  }
}

/** Where it is remembered that a store was set up: on another disk than the store, which may not be mounted. */
const noteOf = (directory: string, root: string): string =>
  path.join(directory, createHash('sha256').update(root).digest('hex').slice(0, 32))

/** Only what is said to be absent is absent: a disk that fails has its store all the same. */
const isAbsent = (file: string): Promise<boolean> =>
  stat(file).then(
    () => false,
    (error) => isGone(errorCode(error)),
  )

/**
 * What was set up once is never made anew unasked: it would be another receiver, under the mount point of its disk.
 * @param directory where set-up stores are remembered.
 * @throws UserError transfer.storeGone
 */
async function refuseAnew(directory: string, { own, root }: StoreLayout): Promise<void> {
  if ((await isAbsent(own)) && !(await isAbsent(noteOf(directory, root))))
    throw new UserError('transfer.storeGone', { path: root, own })
}

/** @throws what the system says. */
async function rememberStore(directory: string, { root }: StoreLayout): Promise<void> {
  const note = noteOf(directory, root)
  if (!(await isAbsent(note))) return
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await replaceFile(note, `${root}\n`)
}
