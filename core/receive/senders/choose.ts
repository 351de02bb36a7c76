import { Problem } from '../../words/problem.ts'
import type { Sender } from './senders.ts'

/** Fewer digits of a fingerprint are taken for a name. */
const LEAST_DIGITS = 6

/**
 * The sender that a person means by a name, or by the beginning of a fingerprint.
 * @param store the store's directory, for the sentence.
 * @throws Problem when it is none or several.
 */
export function chooseSender(senders: readonly Sender[], who: string, store: string): Sender {
  const digits = who.toLowerCase().replaceAll(':', '')
  const byFingerprint = new RegExp(`^[0-9a-f]{${LEAST_DIGITS},64}$`).test(digits)
    ? senders.filter(({ fingerprint }) => fingerprint.startsWith(digits))
    : []
  const found = byFingerprint.length > 0 ? byFingerprint : senders.filter(({ name }) => name === who)
  const [one] = found
  if (one === undefined) throw new Problem('transfer.senderUnknown', { who, path: store })
  if (found.length > 1) {
    const fingerprints = found.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ')
    throw new Problem('transfer.senderAmbiguous', { who, fingerprints })
  }
  return one
}
