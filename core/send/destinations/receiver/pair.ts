import { formatAddress } from '../../../lib/i18n/address.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import type { Identity } from '../../../protocol/identity.ts'
import { type PairingCode, parsePairingCode } from '../../../protocol/pairing-code.ts'
import { WrongFingerprint } from '../../../protocol/pin.ts'
import type { ReceiverDestination } from '../../../settings/destination-schema.ts'
import { dial, Refused } from './dial.ts'

/** Time limit of pairing: shorter than the caller's wait for the answer, so that an error can be reported. */
const PAIR_WITHIN_MS = 12_000

const timedOut = () => Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })

function toPairingError(error: unknown, { host, port }: PairingCode): UserError {
  const address = formatAddress(host, port)
  if (error instanceof WrongFingerprint)
    return new UserError('transfer.pairWrongFingerprint', { address, fingerprint: error.fingerprint })
  if (error instanceof Refused && error.code === 'code')
    return new UserError('transfer.pairCodeRefused', { address })
  if (error instanceof Refused)
    return new UserError('transfer.pairRefused', { address, reason: error.message })
  const reason = errorCode(error) ?? errorText(error)
  return new UserError('transfer.pairUnreachable', { address, reason }, { cause: error })
}

/**
 * Pairs with the receiver that created this code. Sends no data unless the receiver's certificate is that of the
 * code; the receiver pins this computer's certificate in turn.
 * @param name the name of this computer at the receiver.
 * @throws UserError with a remedy.
 */
export async function pairWithReceiver(
  text: string,
  name: string,
  identity: Identity,
  signal: AbortSignal,
  withinMs = PAIR_WITHIN_MS,
): Promise<ReceiverDestination> {
  const code = parsePairingCode(text)
  const late = AbortSignal.timeout(withinMs)
  try {
    const either = AbortSignal.any([signal, late])
    const hello = { name, purpose: 'pair', session: null, code: code.code } as const
    const { channel, welcome } = await dial(code, identity, hello, either)
    channel.end()
    const { host, port, fingerprint } = code
    return { id: fingerprint, kind: 'receiver', name: welcome.name, host, port, fingerprint }
  } catch (error) {
    throw toPairingError(late.aborted ? timedOut() : error, code)
  }
}
