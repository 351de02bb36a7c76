import type { Identity } from '../protocol/identity.ts'
import type { Destination as DestinationSettings, TestedDestination } from '../settings/destination-schema.ts'
import type { Keep } from '../store/retention/retention.ts'
import type { DestinationTest, TestStage } from './backend-messages.ts'
import type { Bucket } from './bucket.ts'
import type { DestinationEvents, OpenDestination } from './destination.ts'
import { openFolder, testFolder } from './folder/folder.ts'
import type { ReachedStore } from './objects/objects.ts'
import { openReceiver, type StatusNow, testReceiver } from './receiver/receiver.ts'
import { openS3, reachS3, testS3 } from './s3/s3.ts'
import type { Sessions } from './session-memory.ts'
import { openSftp, reachSftp, testSftp } from './sftp/sftp.ts'
import { openWebdav, reachWebdav, testWebdav } from './webdav/webdav.ts'

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
    case 'sftp':
      return openSftp({ destination, ...options }, events)
    case 's3':
      return openS3({ destination, ...options }, events)
    case 'webdav':
      return openWebdav({ destination, ...options }, events)
  }
}

/** A destination that keeps objects at a server. */
export type ObjectDestination = Exclude<DestinationSettings, { kind: 'receiver' | 'folder' }>

/**
 * Connects to a server and opens its files as a store.
 * @throws UserError if only a person can help; StoreFault.
 */
export function reachStore(
  destination: ObjectDestination,
  secrets: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ReachedStore> {
  switch (destination.kind) {
    case 'sftp':
      return reachSftp(destination, secrets, signal)
    case 's3':
      return reachS3(destination, secrets)
    case 'webdav':
      return reachWebdav(destination, secrets, signal)
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
export function testDestination(
  destination: TestedDestination,
  options: TryOptions,
): Promise<DestinationTest> {
  switch (destination.kind) {
    case 'receiver':
      return testReceiver(destination, options)
    case 'folder':
      return testFolder(destination, options)
    case 'sftp':
      return testSftp(destination, options)
    case 's3':
      return testS3(destination, options)
    case 'webdav':
      return testWebdav(destination, options)
  }
}
