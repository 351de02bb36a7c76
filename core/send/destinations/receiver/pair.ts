import { addressOf } from '../../../lib/i18n/address.ts'
import { Problem } from '../../../lib/i18n/problem.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import type { Identity } from '../../../protocol/identity.ts'
import { type PairingCode, parsePairingCode } from '../../../protocol/pairing-code.ts'
import { WrongFingerprint } from '../../../protocol/pin.ts'
import type { ReceiverDestination } from '../../../settings/destination-schema.ts'
import { dial, Refused } from './dial.ts'

/** All of it: less than the one who asks for it waits for an answer, so that what is wrong can be said. */
const PAIR_WITHIN_MS = 12_000

const timedOut = () => Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })

function problemOf(thrown: unknown, { host, port }: PairingCode): Problem {
  const address = addressOf(host, port)
  if (thrown instanceof WrongFingerprint)
    return new Problem('transfer.pairWrongFingerprint', { address, fingerprint: thrown.fingerprint })
  if (thrown instanceof Refused && thrown.code === 'code')
    return new Problem('transfer.pairCodeRefused', { address })
  if (thrown instanceof Refused)
    return new Problem('transfer.pairRefused', { address, reason: thrown.message })
  const reason = errorCode(thrown) ?? errorText(thrown)
  return new Problem('transfer.pairUnreachable', { address, reason }, { cause: thrown })
}

/**
 * Pairs with the receiver that made this code: its certificate is the code's or nothing is said to it, and
 * it pins this computer's certificate in turn.
 * @param name what the receiver will call this computer.
 * @throws Problem that says what to do.
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
  } catch (thrown) {
    throw problemOf(late.aborted ? timedOut() : thrown, code)
  }
}
