import { formatAddress } from '../lib/i18n/formats.ts'
import { message } from '../lib/i18n/message.ts'
import { splitProxyAddress } from '../lib/network/proxy.ts'
import { findProxy, type Target } from '../lib/network/tunnel.ts'
import type { Identity } from '../protocol/identity.ts'
import type { Destination as DestinationSettings, TestedDestination } from '../settings/destination-schema.ts'
import type { Keep } from '../store/retention/retention.ts'
import type { DestinationTest, TestStage } from './backend-messages.ts'
import type { Bucket } from './bucket.ts'
import type { DestinationEvents, OpenDestination } from './destination.ts'
import { openFolder, testFolder } from './folder/folder.ts'
import { type ObjectKind, openObjects, testObjects } from './objects/objects.ts'
import { openReceiver, type StatusNow, testReceiver } from './receiver/receiver.ts'
import { s3Kind } from './s3/s3.ts'
import type { Sessions } from './session-memory.ts'
import { sftpKind } from './sftp/sftp.ts'
import { webdavKind } from './webdav/webdav.ts'

/** The options to open a destination of any kind. */
export interface OpenOptions {
  /** This computer's identity: its certificate distinguishes its folder at a destination from those of others. */
  identity: Identity
  /** This computer's name. */
  name: string
  /** The secrets, by the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  /** Longest pause between two attempts to reach it. */
  retrySeconds: number
  /** Which older versions stay there; a receiver has its own rules. */
  keep: Keep
  /** The limit on sending. */
  bucket: Bucket
  /** The memory of the last session. */
  sessions: Sessions
  /** Returns the status that a receiver gets; null: none now. */
  status(): StatusNow | null
  /** The script of the threads of a folder's store. */
  storeThread: URL
}

export function openDestination(
  destination: DestinationSettings,
  options: OpenOptions,
  events: DestinationEvents,
): OpenDestination {
  switch (destination.kind) {
    case 'receiver':
      return openReceiver({ destination, ...options }, events)
    case 'folder':
      return openFolder({ destination, ...options }, events)
    default:
      return openObjects({ destination, ...options }, getObjectKind(destination), events)
  }
}

/** Returns what a destination's kind adds to `objects/`. */
export function getObjectKind(destination: Tested<'sftp' | 's3' | 'webdav'>): ObjectKind {
  switch (destination.kind) {
    case 'sftp':
      return sftpKind(destination)
    case 's3':
      return s3Kind(destination)
    case 'webdav':
      return webdavKind(destination)
  }
}

/** The options to test a destination of any kind. */
export interface TryOptions {
  identity: Identity
  /** This computer's name. */
  name: string
  /** The secrets, by the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  /** Left out: 'given'. */
  stage?: TestStage
  /** Aborted when the test takes too long or is cancelled. */
  signal: AbortSignal
}

/** The settings of a tested destination of one kind. */
export type Tested<K extends TestedDestination['kind']> = Extract<TestedDestination, { kind: K }>

/** Tests a destination in this process: writes a small file, reads it back and removes it. Never rejects. */
export async function testDestination(
  destination: TestedDestination,
  options: TryOptions,
): Promise<DestinationTest> {
  const test = await testByKind(destination, options)
  const target = getTarget(destination)
  const proxy = target === null ? null : findProxy(target)
  if (target === null || proxy === null) return test
  const { host, port } = splitProxyAddress(proxy.address)
  const way = message('proxy.way', {
    address: formatAddress(target.host, target.port),
    proxy: formatAddress(host, port),
  })
  return { ...test, found: { ...test.found, notes: [way, ...test.found.notes] } }
}

/** Returns the address that a destination's connections lead to; null: a folder has none. */
function getTarget(destination: TestedDestination): Target | null {
  if (destination.kind === 'folder') return null
  if ('host' in destination) return destination
  const { hostname, port, protocol } = new URL('url' in destination ? destination.url : destination.endpoint)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
}

function testByKind(destination: TestedDestination, options: TryOptions): Promise<DestinationTest> {
  switch (destination.kind) {
    case 'receiver':
      return testReceiver(destination, options)
    case 'folder':
      return testFolder(destination, options)
    default:
      return testObjects(destination, getObjectKind(destination), options)
  }
}
