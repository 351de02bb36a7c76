import type { Decrypter, Encrypter } from 'age-encryption'
import { dropError } from '../../../dropped-errors.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { errorText } from '../../../platform/system-error.ts'
import type { Encryption } from '../../../settings/destination-schema.ts'

// Contents that are encrypted before they go: each is a file of the age format (age-encryption.org/v1) for one recipient,
// so that `age -d` opens it alone. Names, times and modes stay as they are.

const ENDING = '.age'

/** Before the content, for one X25519 recipient: the header and a nonce. */
const HEADER_BYTES = 184
/** Each chunk has a tag, an empty content one, too. */
const CHUNK_BYTES = 64 * 1024
const TAG_BYTES = 16

/** What a file is called where it is encrypted. */
export const sealedName = (name: string): string => `${name}${ENDING}`

/** null: it is none that is encrypted. */
export const plainName = (name: string): string | null =>
  name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : null

export const encryptedSize = (size: number): number =>
  HEADER_BYTES + size + TAG_BYTES * Math.max(1, Math.ceil(size / CHUNK_BYTES))

/** Of what was encrypted for one X25519 recipient; 0 for what cannot be that. */
export function decryptedSize(size: number): number {
  const payload = size - HEADER_BYTES
  return Math.max(0, payload - TAG_BYTES * Math.ceil(payload / (CHUNK_BYTES + TAG_BYTES)))
}

/**
 * A folder is encrypted from its beginning, in one way: whoever reads it has one rule for all of it.
 * @throws UserError where it was begun in another way.
 */
export function requireSame(there: Encryption, wanted: Encryption, folder: string, name: string): void {
  const { recipient } = there
  if (recipient === wanted.recipient) {
    if (there.hideNames !== wanted.hideNames)
      throw new UserError('transfer.objects.otherNames', { folder, name })
  } else if (recipient === null) throw new UserError('transfer.objects.begunPlain', { folder, name })
  else throw new UserError('transfer.objects.otherRecipient', { folder, name, recipient })
}

/** @throws UserError: it is mistyped, or of a kind that is not used here. */
export async function encrypterFor(recipient: string, name: string): Promise<Encrypter> {
  const age = await import('age-encryption')
  try {
    const encrypter = new age.Encrypter()
    encrypter.addRecipient(recipient)
    const { length } = await encrypter.encrypt(new Uint8Array(0))
    if (length !== encryptedSize(0)) throw new Error('it is not an X25519 recipient')
    return encrypter
  } catch (thrown) {
    throw new UserError('transfer.objects.recipient', { name, recipient, reason: errorText(thrown) })
  }
}

/**
 * @throws UserError: it is mistyped, of a kind that is not used here, or the key of another recipient, with which every
 * file would look damaged.
 */
export async function decrypterFor(identity: string, recipient: string): Promise<Decrypter> {
  const age = await import('age-encryption')
  const decrypter = new age.Decrypter()
  let own: string
  try {
    decrypter.addIdentity(identity)
    own = await age.identityToRecipient(identity)
  } catch (error) {
    dropError(error, 'the message of the error has the key in it')
    throw new UserError('transfer.objects.identity')
  }
  if (own !== recipient) throw new UserError('transfer.objects.otherIdentity', { recipient })
  return decrypter
}
