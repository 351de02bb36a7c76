import { formatAddress } from '../../../lib/i18n/address.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { errorCode } from '../../../platform/system-error.ts'
import { SILENT_AFTER_MS, SilentPeer } from '../../../protocol/channel.ts'
import { WrongFingerprint } from '../../../protocol/pin.ts'
import type { ReceiverDestination } from '../../../settings/destination-schema.ts'
import type { ConnectionTrouble } from '../keep-connected.ts'
import { Refused } from './dial.ts'

/** Returns the state and message for a failed or lost connection. */
export function toConnectionTrouble(
  error: unknown,
  destination: Pick<ReceiverDestination, 'name' | 'host' | 'port'>,
  wasConnected: boolean,
): ConnectionTrouble {
  const { name } = destination
  const address = formatAddress(destination.host, destination.port)
  const refused = (problem: Message) => ({ state: 'refused', problem }) as const
  if (error instanceof WrongFingerprint)
    return refused(message('transfer.wrongFingerprint', { name, address, fingerprint: error.fingerprint }))
  if (error instanceof Refused) {
    if (error.code === 'notPaired') return refused(message('transfer.notPaired', { name, address }))
    if (error.code === 'revoked') return refused(message('transfer.revoked', { name, address }))
    if (error.code === 'twice') return refused(message('transfer.twice', { name, address }))
    if (error.code === 'protocol') return refused(message('transfer.versionRefused', { name, address }))
    // The receiver has too many connections, or could not parse a frame: a later attempt can succeed.
    const { message: reason } = error
    return { state: 'unreachable', problem: message('transfer.refusedOther', { name, address, reason }) }
  }
  if (error instanceof SilentPeer) {
    const seconds = SILENT_AFTER_MS / 1000
    return { state: 'unreachable', problem: message('transfer.silent', { name, address, seconds }) }
  }
  const reason = errorCode(error) ?? (error instanceof Error ? error.message : 'ECONNRESET')
  const key = wasConnected ? 'transfer.lost' : 'transfer.unreachable'
  return { state: 'unreachable', problem: message(key, { name, address, reason }) }
}
