import { createHash, hkdfSync } from 'node:crypto'
import { aessiv } from '@noble/ciphers/aes.js'
import { dropError } from '../../dropped-errors.ts'

// Encrypts file names with AES-SIV (RFC 5297), which gives the same output for the same name and directory. The
// destination's tree therefore has the same shape, and a name can be found without a list. Each component of a path is
// encrypted separately, with the path of its directory as associated data.

/** Two AES-256 keys: RFC 5297 splits them into one for the tag and one for the encryption. */
const KEY_BYTES = 64
const TAG_BYTES = 16
/** Limit of a source's name in bytes: the encrypted name stays short enough for every store. */
const MOST_SOURCE_BYTES = 120
/** The associated data of sources' names; no directory in a source can have this path. */
const SOURCES = '/'

/** null: names are not encrypted. */
export type NameKey = Uint8Array | null

/**
 * Derives the key of names, which is the same for all that this computer sends to one recipient, so it is not stored.
 * @param identity this computer's, with its private key.
 */
export const deriveNameKey = ({ key }: { key: string }, recipient: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, recipient, 'holdfast names', KEY_BYTES))

/** Returns the name of the file in Holdfast's own directory that holds the key, encrypted for the recipient. */
export const nameKeyFile = (key: Uint8Array): string =>
  `names-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.age`

export const isNameKeyFile = (name: string): boolean => /^names-[0-9a-f]{16}\.age$/.test(name)

/** Returns the text of that file, as `age -d` shows it. */
export const nameKeyText = (key: Uint8Array): string => `${Buffer.from(key).toString('hex')}\n`

export const nameKeysIn = (text: string): Uint8Array[] =>
  [Buffer.from(text.trim(), 'hex')].filter(({ length }) => length === KEY_BYTES)

/** @param directory the path of the name's directory. */
const createNameCipher = (key: Uint8Array, directory: string) => aessiv(key, Buffer.from(directory))

function hiddenPart(key: Uint8Array, directory: string, name: string): string {
  return Buffer.from(createNameCipher(key, directory).encrypt(Buffer.from(name))).toString('base64url')
}

/** Returns null if the name was not encrypted with this key. */
function shownPart(key: Uint8Array, directory: string, hidden: string): string | null {
  const bytes = Buffer.from(hidden, 'base64url')
  if (bytes.length < TAG_BYTES) return null
  try {
    return Buffer.from(createNameCipher(key, directory).decrypt(bytes)).toString()
  } catch (error) {
    // The tag does not match.
    return dropError(error, 'the name is hidden with another key, or was never hidden', null)
  }
}

export function hiddenPath(key: NameKey, path: string): string {
  if (key === null || path === '') return path
  const parts = path.split('/')
  return parts.map((name, depth) => hiddenPart(key, parts.slice(0, depth).join('/'), name)).join('/')
}

/** Decrypts a path; names that were not encrypted with this key stay. @param directory decrypted path above it. */
export function shownPath(key: NameKey, path: string, directory = ''): string {
  let above = directory
  const parts = path.split('/').map((hidden) => {
    const name = (key === null ? null : shownPart(key, above, hidden)) ?? hidden
    above = above === '' ? name : `${above}/${name}`
    return name
  })
  return parts.join('/')
}

export function hiddenSource(key: NameKey, name: string): string {
  if (key === null) return name
  let short = name
  while (Buffer.byteLength(short) > MOST_SOURCE_BYTES) short = [...short].slice(0, -1).join('')
  return hiddenPart(key, SOURCES, short)
}

/** True if a source's name may be encrypted: other names can be there, too, such as lost+found. */
export const looksHidden = (name: string): boolean => /^[\w-]{23,}$/.test(name)

/** Returns null if the name was not encrypted with this key. A store may have appended a number. */
export const shownSource = (key: Uint8Array, hidden: string): string | null =>
  shownPart(key, SOURCES, hidden) ?? shownPart(key, SOURCES, hidden.replace(/-\d+$/, ''))
