import type { Decrypter, Encrypter } from 'age-encryption'
import { dropError } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorText } from '../../platform/system-error.ts'
import type { Encryption } from '../../settings/destination-schema.ts'

// Encryption of contents before they are sent: each is a file of the age format (age-encryption.org/v1) for one
// recipient, so that `age -d` alone can decrypt it. Names, times and modes are not encrypted here.

const ENDING = '.age'

/** Length before the content, for one X25519 recipient: the header and a nonce. */
const HEADER_BYTES = 184
/** Each chunk ends with a tag; an empty content has one, too. */
const CHUNK_BYTES = 64 * 1024
const TAG_BYTES = 16

/** Returns the file's name at an encrypted destination. */
export const sealedName = (name: string): string => `${name}${ENDING}`

/** Returns the name without the ending; null: the file is not encrypted. */
export const plainName = (name: string): string | null =>
  name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : null

export const encryptedSize = (size: number): number =>
  HEADER_BYTES + size + TAG_BYTES * Math.max(1, Math.ceil(size / CHUNK_BYTES))

/** Returns the content's size from the size for one X25519 recipient; 0 if it is too small to be such a file. */
export function decryptedSize(size: number): number {
  const payload = size - HEADER_BYTES
  return Math.max(0, payload - TAG_BYTES * Math.ceil(payload / (CHUNK_BYTES + TAG_BYTES)))
}

/**
 * Checks that a folder is encrypted as wanted. A single setting covers the whole folder from its beginning, so that
 * every reader needs only one rule.
 * @throws UserError if the folder was begun with another setting.
 */
export function requireSame(there: Encryption, wanted: Encryption, folder: string, name: string): void {
  const { recipient } = there
  if (recipient === wanted.recipient) {
    if (there.hideNames !== wanted.hideNames)
      throw new UserError('transfer.objects.otherNames', { folder, name })
  } else if (recipient === null) throw new UserError('transfer.objects.begunPlain', { folder, name })
  else throw new UserError('transfer.objects.otherRecipient', { folder, name, recipient })
}

/** @throws UserError if the recipient is mistyped, or of a kind that is not supported. */
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

/** Returns the recipient of an identity. @throws UserError if it is mistyped, or of an unsupported kind. */
export async function recipientOf(identity: string): Promise<string> {
  const age = await import('age-encryption')
  try {
    new age.Decrypter().addIdentity(identity)
    return await age.identityToRecipient(identity)
  } catch (error) {
    dropError(error, 'the message of the error has the key in it')
    throw new UserError('transfer.objects.identity')
  }
}

/**
 * @throws UserError if the identity is mistyped, of an unsupported kind, or another recipient's key, with which every
 * file would look damaged.
 */
export async function decrypterFor(identity: string, recipient: string): Promise<Decrypter> {
  const age = await import('age-encryption')
  const own = await recipientOf(identity)
  const decrypter = new age.Decrypter()
  decrypter.addIdentity(identity)
  if (own !== recipient) throw new UserError('transfer.objects.otherIdentity', { recipient })
  return decrypter
}
