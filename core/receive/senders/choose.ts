import { Problem } from '../../words/problem.ts'
import type { Sender } from './senders.ts'

/** Fewer digits of a fingerprint are taken for a name. */
const LEAST_DIGITS = 6

/**
 * The sender that a person means by the beginning of a fingerprint, by its folder, or by its name. Senders choose their
 * names themselves: where one is called as another one's folder or fingerprint, a longer fingerprint tells them apart.
 * @param store the store's directory, for the sentence.
 * @throws Problem when it is none or several.
 */
export function chooseSender(senders: readonly Sender[], who: string, store: string): Sender {
  const digits = who.toLowerCase().replaceAll(':', '')
  const isDigits = new RegExp(`^[0-9a-f]{${LEAST_DIGITS},64}$`).test(digits)
  const exact = senders.find(({ fingerprint }) => fingerprint === digits)
  if (exact !== undefined) return exact
  const found = senders.filter(
    ({ fingerprint, folder, name }) =>
      folder === who || name === who || (isDigits && fingerprint.startsWith(digits)),
  )
  const [one] = found
  if (one === undefined) throw new Problem('transfer.senderUnknown', { who, path: store })
  if (found.length > 1) {
    const fingerprints = found.map(({ fingerprint }) => fingerprint.slice(0, 16)).join(', ')
    throw new Problem('transfer.senderAmbiguous', { who, fingerprints })
  }
  return one
}
