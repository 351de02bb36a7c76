import { once } from 'node:events'
import { stat, statfs } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:tls'
import { ignoreError } from '../dropped-errors.ts'
import { createLimitedLog } from '../lib/async/limited-log.ts'
import { withTimeout } from '../lib/async/timing.ts'
import { formatAddress } from '../lib/i18n/formats.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { englishWords } from '../lib/i18n/words.ts'
import { errorCode } from '../platform/system-error.ts'
import { type Identity, loadIdentity } from '../protocol/identity.ts'
import { formatRemote, getTransport, serverOptions } from '../protocol/tls.ts'
import { type StoreLayout, storeLayout } from '../store/layout.ts'
import { claimStore } from '../store/lock.ts'
import { floorBytes, getSpaceLeft, type StoreRules } from '../store/quota/admission.ts'
import { foldersIn, openSenders } from '../store/senders/senders.ts'
import { Store } from '../store/store.ts'
import { SenderConnection } from './connection/connection.ts'
import {
  type ConnectionHost,
  createConnected,
  createConnectionHost,
  createCounters,
  type ReceiverResources,
  sumCounts,
} from './connection/host.ts'
import { type IsocketOptions, openIsocket } from './isocket/isocket.ts'
import { writeAbout } from './pairing/invitation.ts'
import { openSeenLog, SEEN_EVERY_MS, type SenderUsage, senderStates } from './senders/last-seen.ts'
import { refuseMissingStore, rememberStore } from './set-up-stores.ts'

/** Limits of connections that are not admitted yet: in total, and per address. Beyond them the oldest is closed. */
const MAX_UNKNOWN = 64
const MAX_UNKNOWN_OF_ADDRESS = 16
/** All connections. Further data streams of senders (connection/host.ts) leave room for as many senders as before. */
const MAX_CONNECTIONS = 768
/** Interval of checking the list of senders, a file that commands change while the receiver runs. */
const LOOK_EVERY_MS = 250
/** Limit of the last write of the last-seen times, whose disk may hang. */
const LAST_WRITE_MS = 1_000

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
 * Runs a receiver on a store: locks the store, opens its list of senders, listens, and follows changes of the list. If
 * a step fails, the earlier ones are undone.
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

/**
 * Creates the store's own directory if it may, for files besides the receiver's.
 * @throws UserError if the store is unusable or in use
 */
export async function prepareStore(
  directory: string,
  setUpStores: string,
  log: ReceiverEvents['log'],
): Promise<void> {
  const layout = storeLayout(directory)
  await refuseMissingStore(setUpStores, layout)
  const { release } = await claimStore(layout, log)
  release()
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
  const { fingerprint } = identity
  const parts = { name, layout, fingerprint, store, senders, connected, seen, counters, log }
  const host = createConnectionHost(parts)
  opened.push(host.endLogs)

  const listener = await openListener(options, identity, host)
  opened.push(listener.close)
  const isocket = options.isocket ? await openIsocket(options.isocket, host) : null
  if (isocket !== null) opened.push(isocket.close)
  const { port } = listener
  const about = { host: options.host, port, name, fingerprint, pid: process.pid }
  await writeAbout(layout, about).catch((error: unknown) => warn(`${layout.receiver}: ${String(error)}`))
  /** Free space of the disk beyond what must stay free; null: not known yet. */
  let freeBytes: number | null = null
  const getUsage = (folder: string): SenderUsage => {
    const used = store.usage(folder)
    const spaceBytes = freeBytes === null ? null : getSpaceLeft(options.rules, folder, used, freeBytes)
    return { files: used.files, bytes: used.bytes, spaceBytes }
  }
  const measure = async () => {
    const { bavail, blocks, bsize } = await statfs(layout.root)
    freeBytes = bavail * bsize - floorBytes(options.rules.floor, blocks * bsize)
    seen.noteUsage(new Map(senders.list().map(({ folder }) => [folder, getUsage(folder)])))
  }
  opened.push(watchSenderList(parts, measure))

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
    /** Number of connections: admitted senders, their further data streams, and original isocket clients. */
    get connections() {
      const { count: senders, streams } = connected
      return { senders, streams, isocket: isocket?.connections ?? 0 }
    },
    /** Age of the oldest unanswered call to the store's disk, in milliseconds. */
    get stalledMs() {
      return store.stalledMs()
    },
    /** The senders that may send. */
    senderStates: () => senderStates(senders, seen, connected.folders()),
    /** A sender's usage of the store, by its folder. */
    usage: getUsage,
    close: () => closeAll(opened),
  }
}

/**
 * Accepts TLS 1.3 connections, and refuses all others.
 * @throws UserError if the address cannot be listened on.
 */
async function openListener(
  at: Pick<ReceiverOptions, 'host' | 'port'>,
  identity: Identity,
  host: ConnectionHost,
) {
  const refused = host.onRefusedConnection
  const sockets = new Set<Socket>()
  const unknown = new Set<Socket>()
  /** Remote addresses, read at the start: the system no longer reports the address of a closed connection. */
  const remotes = new WeakMap<object, string>()
  const server = createServer(serverOptions(identity))
  server.maxConnections = MAX_CONNECTIONS

  server.on('connection', (socket) => {
    remotes.set(socket, formatRemote(socket))
    sockets.add(socket)
    unknown.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      unknown.delete(socket)
    })
    const same = [...unknown].filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress)
    const [oldest] = same.length > MAX_UNKNOWN_OF_ADDRESS ? same : unknown
    if (oldest === undefined || (same.length <= MAX_UNKNOWN_OF_ADDRESS && unknown.size <= MAX_UNKNOWN)) return
    unknown.delete(oldest)
    const from = formatRemote(oldest)
    oldest.destroy()
    refused(from, 'too many connections at once that were not let in yet', 'flood')
  })
  server.on('drop', () => refused('?', 'too many connections', 'flood'))
  server.on('tlsClientError', (error, socket) => {
    const code = errorCode(error)
    const from = remotes.get(getTransport(socket)) ?? formatRemote(socket)
    refused(from, code === null ? error.message : `${code}: ${error.message}`, 'tls')
    socket.destroy()
  })
  server.on('secureConnection', (socket) => {
    const { remotePort, remoteAddress } = socket
    const letIn = () => {
      for (const one of unknown)
        if (one.remotePort === remotePort && one.remoteAddress === remoteAddress) unknown.delete(one)
    }
    new SenderConnection(socket, host, letIn)
  })

  try {
    server.listen({ host: at.host, port: at.port })
    await once(server, 'listening')
  } catch (thrown) {
    const reason = errorCode(thrown) ?? String(thrown)
    const key = reason === 'EADDRNOTAVAIL' ? 'transfer.listenNoAddress' : 'transfer.listenFailed'
    throw new UserError(key, { address: formatAddress(at.host, at.port), host: at.host, reason })
  }
  server.on('error', (error) => refused('?', error.message, 'other'))

  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/**
 * Applies changes of the list of senders to a running receiver, and records which senders are connected. The returned
 * function stops it, and writes the last-seen times a last time.
 * @param measure reads the space on the store's disk, and records it.
 */
function watchSenderList(
  { layout, store, senders, connected, seen, log }: ReceiverResources,
  measure: () => Promise<void>,
): () => Promise<void> {
  /** Closes the connections of revoked senders, and removes their partial files. */
  const dropRefused = () => {
    connected.dropRefused(senders)
    const refused = senders.list().filter(({ fingerprint }) => senders.accepted(fingerprint) === null)
    void store.abandon(new Set(refused.map(({ folder }) => folder)))
  }
  // Senders may have been revoked while no receiver ran.
  dropRefused()

  let looking = false
  let failing = false
  let notedAt = 0
  let wantedAt: string | null = null

  const isDue = () => Date.now() - notedAt >= SEEN_EVERY_MS || notedAt > Date.now()
  const look = async (): Promise<void> => {
    // Checks do not overlap, so that they cannot pile up on a hanging disk.
    if (looking) return
    looking = true
    try {
      if (await senders.refresh()) {
        dropRefused()
        connected.propose()
      }
      const stamp = await readStamp(layout.wanted)
      if (stamp !== wantedAt) connected.want()
      wantedAt = stamp
      failing = false
      if (isDue()) await measure().catch(ignoreError('the space is read again within seconds'))
    } catch (error) {
      if (!failing) log('warn', `the list of paired senders cannot be read again: ${String(error)}`)
      failing = true
    } finally {
      looking = false
    }
    if (!isDue()) return
    notedAt = Date.now()
    seen.note(connected.folders(), notedAt)
    await seen.write()
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  return async () => {
    clearInterval(timer)
    seen.note(connected.folders(), Date.now())
    seen.note(new Set(), Date.now())
    await withTimeout(LAST_WRITE_MS, seen.write())
  }
}

/** Returns a value that changes with the file; null: it does not exist. */
const readStamp = (file: string): Promise<string | null> =>
  stat(file, { bigint: true }).then(
    ({ mtimeNs, ino }) => `${ino} ${mtimeNs}`,
    () => null,
  )
