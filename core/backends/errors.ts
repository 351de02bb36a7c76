import path from 'node:path'
import type { TransferResult } from '../ledger/ledger.ts'
import { message, type WordKey } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { findProxyProblem } from '../lib/network/tunnel.ts'
import { errorText } from '../platform/system-error.ts'
import type { Outgoing } from './destination.ts'
import type { ConnectionTrouble } from './keep-connected.ts'

// The errors of destinations, in both directions, and their meaning: what is permanent, what is tried again and when, and
// what concerns a single content. A kind turns its system's errors into these; a UserError is for what only a person can
// help with.

/**
 * When a file is tried again after an error. connection: on a new connection, as this one is over. destination: other
 * files would fail, too, so all wait. suspect: if other files fail as well. file: later, this one alone. never: it is
 * permanent, until the file has another name or size.
 */
type Reaction =
  | { retry: 'connection' }
  | { retry: 'destination' | 'suspect' | 'file'; word?: WordKey }
  | { retry: 'never'; word: WordKey }

/** The kinds of errors. `word`: the sentence about a file; without, nobody is told of it. */
const reactions = {
  /** The connection is lost or the server does not answer. */
  lost: { retry: 'connection' },
  /** The content does not exist. While a file is sent, a different program has changed its name at the same time. */
  absent: { retry: 'file' },
  /** The name, or that of a directory above it, is taken by a content that was not to be replaced; see `absent`. */
  exists: { retry: 'file' },
  /** No space, or a quota. */
  full: { retry: 'destination', word: 'transfer.objects.full' },
  /** Permission denied. */
  denied: { retry: 'destination', word: 'transfer.objects.denied' },
  /** The destination does not support this name or size. */
  impossible: { retry: 'never', word: 'transfer.objects.impossible' },
  /** A server or proxy does not take a content of this size in one request, until its limit is raised. */
  tooLarge: { retry: 'file', word: 'transfer.objects.tooLarge' },
  /** The stored bytes differ from those sent. */
  damaged: { retry: 'file', word: 'transfer.objects.damaged' },
  /** The content is there, but in cold storage: it can be read only some time after `thaw`. */
  cold: { retry: 'file', word: 'transfer.objects.cold' },
  /** Any other error. */
  failed: { retry: 'suspect', word: 'transfer.objects.failed' },
} as const satisfies Record<string, Reaction>
export type BackendErrorKind = keyof typeof reactions

export class BackendError extends Error {
  readonly kind: BackendErrorKind
  /** The server's message, or the system's error code. */
  readonly reason: string

  constructor(kind: BackendErrorKind, reason: string, options?: ErrorOptions) {
    super(`${kind}: ${reason}`, options)
    this.kind = kind
    this.reason = reason
  }
}

/** The message of NotReadable for a content in cold storage, whose size and digest are the expected ones. */
export const COLD = 'COLD'

/** A content cannot be read at its origin. Its target is not the cause. */
export class NotReadable extends Error {
  override readonly name = 'NotReadable'
}

export const hasKind = (error: unknown, kind: BackendError['kind']): boolean =>
  error instanceof BackendError && error.kind === kind

/** Returns a handler for `catch` that replaces an error of this kind by `instead`. */
export const orIf =
  <T>(kind: BackendError['kind'], instead: T) =>
  (error: unknown): T => {
    if (hasKind(error, kind)) return instead
    throw error
  }

/**
 * For `catch`: returns null if the store lacks the function or the login may not use it; rethrows a lost connection.
 */
export function unlessLost(error: unknown): null {
  if (hasKind(error, 'lost')) throw error
  return null
}

export const asBackendError = (error: unknown): BackendError =>
  error instanceof BackendError ? error : new BackendError('failed', errorText(error), { cause: error })

/**
 * Returns the result for a file whose transfer failed.
 * @param name the destination's.
 */
export function toTransferResult(
  error: unknown,
  name: string,
  file: Pick<Outgoing, 'source' | 'path'>,
): TransferResult {
  if (error instanceof UserError) return { kind: 'retry', cause: 'destination', reason: error.sentence }
  const { kind, reason } = asBackendError(error)
  const reaction: Reaction = reactions[kind]
  if (reaction.retry === 'connection') return { kind: 'lost' }
  const isOfFile = reaction.retry === 'file' || reaction.retry === 'never'
  const params = { ...(isOfFile && { path: path.join(file.source.path, file.path) }), name, reason }
  if (reaction.retry === 'never') return { kind: 'rejected', reason: message(reaction.word, params) }
  const { retry: cause, word } = reaction
  return { kind: 'retry', cause, reason: word === undefined ? null : message(word, params) }
}

/** Returns the error of a reader for a content that cannot be read; null: the error concerns all contents. */
export function toNotReadable(error: BackendError): NotReadable | null {
  const { kind, reason } = error
  if (reactions[kind].retry === 'connection') return null
  const text = kind === 'absent' ? 'ENOENT' : kind === 'cold' ? COLD : `${kind}: ${reason}`.slice(0, 200)
  return new NotReadable(text, { cause: error })
}

/** A destination as messages name it. */
interface NamedPlace {
  name: string
  /** The address, for messages. */
  address: string
}

/** Returns the state and message for a session that could not begin, or has ended. */
export function toConnectionTrouble(
  error: unknown,
  { name, address }: NamedPlace,
  wasConnected: boolean,
): ConnectionTrouble {
  const proxyProblem = findProxyProblem(error)
  if (proxyProblem !== null) return { state: 'unreachable', problem: proxyProblem }
  const { kind, reason } = asBackendError(error)
  if (kind === 'denied' || kind === 'full')
    return { state: 'refused', problem: message(`transfer.objects.${kind}`, { name, reason }) }
  // Every other error is an answer, so the store was reached.
  const failure = kind === 'lost' ? 'transfer.objects.unreachable' : 'transfer.objects.failed'
  const key = wasConnected ? 'transfer.objects.lost' : failure
  return { state: 'unreachable', problem: message(key, { name, address, reason }) }
}
