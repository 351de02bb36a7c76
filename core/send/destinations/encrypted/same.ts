import type { Encryption } from '../../../settings/schema.ts'
import { Problem } from '../../../words/problem.ts'

/**
 * A folder is encrypted from its beginning, in one way: whoever reads it has one rule for all of it.
 * @param name the destination's.
 * @throws Problem where it was begun in another way.
 */
export function requireSame(there: Encryption, wanted: Encryption, folder: string, name: string): void {
  if (there.recipient !== wanted.recipient)
    throw new Problem('transfer.objects.otherRecipient', { folder, name, recipient: there.recipient ?? '–' })
  if (there.hideNames !== wanted.hideNames)
    throw new Problem(there.hideNames ? 'transfer.objects.namesHidden' : 'transfer.objects.namesShown', {
      folder,
      name,
    })
}
