import type { Message } from '../lib/i18n/message.ts'
import type { FrameHeader } from '../protocol/frames.ts'
import type { Identity } from '../protocol/identity.ts'
import type { TestedDestination } from '../settings/destination-schema.ts'
import type { Keep } from '../store/retention/retention.ts'
import type { TestStage } from './backend-messages.ts'
import type { Sessions } from './session-memory.ts'
import type { Bucket } from './token-bucket.ts'

// The options to open or test a destination, the same for every kind.

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

/** The status of this computer, and of the files that wait here for the receiver. */
export interface StatusNow extends Pick<FrameHeader<'status'>, 'level' | 'kind' | 'sentence' | 'version'> {
  oldestWaitingAt: number | null
  waitingFiles: number
  words?: Message | undefined
  causes?: Message[] | undefined
}

/** The options to test a destination of any kind. */
export interface TryOptions {
  identity: Identity
  /** This computer's name. */
  name: string
  /** The secrets, by the names that the kind has; see the settings' schema. */
  secrets: Readonly<Record<string, string>>
  /** Default: 'given'. */
  stage?: TestStage
  /** Aborted when the test takes too long or is cancelled. */
  signal: AbortSignal
}

/** The settings of a tested destination of one kind. */
export type Tested<K extends TestedDestination['kind']> = Extract<TestedDestination, { kind: K }>
