import type { Identity } from '../../protocol/identity.ts'
import type { Destination as DestinationSettings } from '../../settings/destination-schema.ts'
import type { Keep } from '../../store/retention/choose.ts'
import type { Bucket } from '../rate-limit/bucket.ts'
import type { DestinationEvents, OpenDestination } from './destination.ts'
import { openFolder } from './folder/folder.ts'
import { openReceiver } from './receiver/receiver.ts'
import type { StatusNow } from './receiver/tell-status.ts'
import { openS3 } from './s3/s3.ts'
import type { Sessions } from './session-memory.ts'
import { openSftp } from './sftp/sftp.ts'

/** What a destination is opened with, whatever its kind is. */
export interface OpenOptions {
  /** Of this computer: its certificate tells its folder at a destination from others. */
  identity: Identity
  /** Of this computer. */
  name: string
  /** By the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  /** Longest pause between two attempts to reach it. */
  retrySeconds: number
  /** Which older contents stay there; a receiver has rules of its own. */
  keep: Keep
  /** What sending may use of the line. */
  bucket: Bucket
  /** What is remembered of its last session. */
  sessions: Sessions
  /** What a receiver is told of this computer; null: nothing now. */
  status(): StatusNow | null
  /** The script of the threads that a folder's store has. */
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
  }
}
