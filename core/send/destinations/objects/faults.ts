import path from 'node:path'
import { message } from '../../../lib/i18n/message.ts'
import { errorText } from '../../../platform/system-error.ts'
import type { Answer, OutgoingSource } from '../destination.ts'
import type { ConnectionTrouble } from '../keep-connected.ts'
import { StoreFault } from './object-store.ts'

export const isFault = (error: unknown, kind: StoreFault['kind']): boolean =>
  error instanceof StoreFault && error.kind === kind

/** Returns a handler for `catch` that replaces a fault of this kind by `instead`. */
export const orIf =
  <T>(kind: StoreFault['kind'], instead: T) =>
  (error: unknown): T => {
    if (isFault(error, kind)) return instead
    throw error
  }

/**
 * For `catch`: returns null if the store lacks the function or the login may not use it; rethrows a lost connection.
 */
export function unlessLost(error: unknown): null {
  if (isFault(error, 'lost')) throw error
  return null
}

export const asFault = (error: unknown): StoreFault =>
  error instanceof StoreFault ? error : new StoreFault('failed', errorText(error), { cause: error })

/** The file that a fault concerns. */
export interface FaultyFile {
  source: Pick<OutgoingSource, 'path'>
  path: string
}

/**
 * Returns the answer for a file whose transfer failed.
 * @param name the destination's.
 */
export function toAnswer(error: unknown, name: string, file: FaultyFile): Answer {
  const { kind, reason } = asFault(error)
  const where = { path: path.join(file.source.path, file.path), name, reason }
  switch (kind) {
    case 'lost':
      return { kind: 'lost' }
    case 'full':
      return { kind: 'again', reason: message('transfer.objects.full', { name, reason }), trouble: 'yes' }
    case 'denied':
      return { kind: 'again', reason: message('transfer.objects.denied', { name, reason }), trouble: 'yes' }
    case 'impossible':
      return { kind: 'refused', reason: message('transfer.objects.impossible', where) }
    case 'damaged':
      return { kind: 'again', reason: message('transfer.objects.damaged', where), trouble: 'no' }
    case 'exists':
    case 'absent':
      // A different program changed the name at the same time.
      return { kind: 'again', reason: null, trouble: 'no' }
    case 'failed':
      return { kind: 'again', reason: message('transfer.objects.failed', { name, reason }), trouble: 'maybe' }
    default:
      return kind satisfies never
  }
}

/** A destination as messages name it. */
export interface NamedPlace {
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
  const { kind, reason } = asFault(error)
  if (kind === 'denied')
    return { state: 'refused', problem: message('transfer.objects.denied', { name, reason }) }
  if (kind === 'full')
    return { state: 'refused', problem: message('transfer.objects.full', { name, reason }) }
  // Every other fault is an answer, so the store was reached.
  const failure = kind === 'lost' ? 'transfer.objects.unreachable' : 'transfer.objects.failed'
  const key = wasConnected ? 'transfer.objects.lost' : failure
  return { state: 'unreachable', problem: message(key, { name, address, reason }) }
}
