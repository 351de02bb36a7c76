import { mkdir } from 'node:fs/promises'
import { loadIdentity } from '../wire/identity.ts'
import { createLimitedLog } from '../wire/limited-log.ts'
import { replaceFile } from '../wire/replace-file.ts'
import { errorCode, Problem } from '../words/problem.ts'
import { lockDirectory } from '../worker/directory-lock.ts'
import { redeemCode } from './codes.ts'
import { createConnected } from './connected.ts'
import type { ConnectionHost } from './connection.ts'
import { serveConnection } from './connection.ts'
import type { StoreLayout } from './layout.ts'
import { storeLayout } from './layout.ts'
import { openListener } from './listener.ts'
import { followRoster } from './roster.ts'
import { openSeenLog } from './seen.ts'
import type { Trusted } from './senders.ts'
import { openSenders } from './senders.ts'
import { openStore } from './store.ts'

export interface ReceiverOptions {
  storeDirectory: string
  host: string
  /** 0: any free port. */
  port: number
  name: string
  trusted: readonly Trusted[]
}

export interface ReceiverEvents {
  /** Some of the counters have changed. */
  onChange(): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void
}

export interface Receiver {
  readonly port: number
  readonly fingerprint: string
  readonly storeDirectory: string
  readonly receivedFiles: number
  readonly receivedBytes: number
  readonly refusedConnections: number
  readonly pairedSenders: number
  trust(trusted: readonly Trusted[]): Promise<void>
  close(): Promise<void>
}

async function prepareStore(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (thrown) {
    const code = errorCode(thrown)
    // A store that exists but has become read-only still lets the receiver say so to its senders.
    if (code === 'EROFS') return
    throw new Problem('transfer.storeMissing', { path: directory, reason: code ?? String(thrown) })
  }
}

/** Two receivers would overwrite each other's list of senders. */
function lockStore({ own, root }: StoreLayout, log: ReceiverEvents['log']): { release(): void } {
  let lock: { release(): void } | null
  try {
    lock = lockDirectory(own)
  } catch (thrown) {
    // A store that is read-only, or on a file system without locks, is still better served than not.
    log('warn', `${own} cannot be locked: ${String(thrown)}`)
    return { release: () => undefined }
  }
  if (lock === null) throw new Problem('transfer.storeInUse', { path: root })
  return lock
}

/**
 * Runs a receiver on a store.
 * @throws Problem when the store cannot be used at all, or the address cannot be listened on.
 */
export async function startStoreReceiver(
  options: ReceiverOptions,
  events: ReceiverEvents,
): Promise<Receiver> {
  const layout = storeLayout(options.storeDirectory)
  await prepareStore(layout.own)
  const lock = lockStore(layout, events.log)
  try {
    return await startOnStore(options, events, layout, lock.release)
  } catch (thrown) {
    lock.release()
    throw thrown
  }
}

async function startOnStore(
  options: ReceiverOptions,
  events: ReceiverEvents,
  layout: StoreLayout,
  release: () => void,
): Promise<Receiver> {
  const identity = await loadIdentity(layout.identity)
  const senders = await openSenders(layout.senders, (text) => events.log('warn', text))
  await senders.trust(options.trusted)
  const store = openStore(layout.root)
  const counters = { receivedFiles: 0, receivedBytes: 0, refusedConnections: 0 }
  const connected = createConnected()
  const logRefusedConnection = createLimitedLog((text) => events.log('warn', text))
  const logRefusedFile = createLimitedLog((text) => events.log('warn', text))
  const seen = await openSeenLog(layout.seen, (text) => logRefusedFile(`not written: ${text}`))
  let judging: Promise<unknown> = Promise.resolve()

  const refusedConnection = (from: string, reason: string) => {
    counters.refusedConnections += 1
    logRefusedConnection(`refused ${from}: ${reason}`)
    events.onChange()
  }

  const host: ConnectionHost = {
    name: options.name,
    store,
    accepted: (fingerprint) => senders.accepted(fingerprint),
    known: (fingerprint) => senders.known(fingerprint),
    pair(fingerprint, code, name) {
      // One attempt after the other: attempts side by side would be counted as one.
      const judged = judging.then(async () =>
        (await redeemCode(layout.codes, code, Date.now()))
          ? senders.pair(fingerprint, name, Date.now())
          : null,
      )
      judging = judged.catch(() => undefined)
      return judged
    },
    enter(sender, drop) {
      const place = connected.enter(sender, drop)
      seen.note(connected.folders(), Date.now())
      return place
    },
    onRefusedConnection: refusedConnection,
    onReceived(files, bytes) {
      counters.receivedFiles += files
      counters.receivedBytes += bytes
      events.onChange()
    },
    onRefusedFile: (sender, source, path, { status, detail }) =>
      logRefusedFile(`not stored: ${sender}/${source}/${path}: ${status} ${detail}`),
    log: events.log,
  }

  const listener = await openListener(
    options,
    identity,
    (socket) => serveConnection(socket, host),
    refusedConnection,
  )
  const { host: address, name } = options
  const about = {
    host: address,
    port: listener.port,
    name,
    fingerprint: identity.fingerprint,
    pid: process.pid,
  }
  await replaceFile(layout.receiver, `${JSON.stringify(about, null, 2)}\n`).catch((thrown: unknown) =>
    events.log('warn', `${layout.receiver}: ${String(thrown)}`),
  )
  const roster = followRoster({ senders, connected, seen, log: events.log })
  void store.clean().catch((thrown: unknown) => events.log('warn', `old temporary files: ${String(thrown)}`))

  return {
    port: listener.port,
    fingerprint: identity.fingerprint,
    storeDirectory: layout.root,
    get receivedFiles() {
      return counters.receivedFiles
    },
    get receivedBytes() {
      return counters.receivedBytes
    },
    get refusedConnections() {
      return counters.refusedConnections
    },
    get pairedSenders() {
      return senders.pairedCount
    },
    async trust(trusted) {
      await senders.trust(trusted)
      connected.dropRefused(senders)
    },
    async close() {
      await roster.stop()
      await listener.close()
      await store.close()
      release()
    },
  }
}
