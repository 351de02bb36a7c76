import { createHash, hkdfSync } from 'node:crypto'
import { aessiv } from '@noble/ciphers/aes.js'
import { dropError } from '../../../dropped-errors.ts'

// File names are encrypted with AES-SIV (RFC 5297), which gives the same output for the same name and directory. The
// destination therefore has a tree of the same shape, and a name is found without a list. Each part of a path is
// encrypted alone; the path of its directory is associated data.

/** Two AES-256 keys: RFC 5297 splits them into one for the tag and one for the encryption. */
const KEY_BYTES = 64
const TAG_BYTES = 16
/** Of a source's name: with what is added, no store shortens it. */
const MOST_SOURCE_BYTES = 120
/** No directory in a source is called so. */
const SOURCES = '/'

/** null: names stay as they are. */
export type NameKey = Uint8Array | null

/**
 * The same for all that this computer sends for one recipient: nothing has to be kept.
 * @param identity this computer's, with its private key.
 */
export const nameKeyOf = ({ key }: { key: string }, recipient: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, recipient, 'holdfast names', KEY_BYTES))

/** The file in Holdfast's own directory that has the key for others, encrypted for the recipient. */
export const nameKeyFile = (key: Uint8Array): string =>
  `names-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.age`

export const isNameKeyFile = (name: string): boolean => /^names-[0-9a-f]{16}\.age$/.test(name)

/** As the file has it, which `age -d` shows. */
export const nameKeyText = (key: Uint8Array): string => `${Buffer.from(key).toString('hex')}\n`

export const nameKeysIn = (text: string): Uint8Array[] =>
  [Buffer.from(text.trim(), 'hex')].filter(({ length }) => length === KEY_BYTES)

/** @param directory path of the directory that holds the name. */
const createNameCipher = (key: Uint8Array, directory: string) => aessiv(key, Buffer.from(directory))

function hiddenPart(key: Uint8Array, directory: string, name: string): string {
  return Buffer.from(createNameCipher(key, directory).encrypt(Buffer.from(name))).toString('base64url')
}

/** null: it was not hidden with this key. */
function shownPart(key: Uint8Array, directory: string, hidden: string): string | null {
  const bytes = Buffer.from(hidden, 'base64url')
  if (bytes.length < TAG_BYTES) return null
  try {
    return Buffer.from(createNameCipher(key, directory).decrypt(bytes)).toString()
  } catch (error) {
    // Its tag does not match.
    return dropError(error, 'the name is hidden with another key, or was never hidden', null)
  }
}

export function hiddenPath(key: NameKey, path: string): string {
  if (key === null || path === '') return path
  const parts = path.split('/')
  return parts.map((name, depth) => hiddenPart(key, parts.slice(0, depth).join('/'), name)).join('/')
}

/** What was not hidden with this key stays as it is. @param directory the path of the one that it is in, as it is read. */
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

/** Whether a source's name may be a hidden one: others may be there, too, such as lost+found. */
export const looksHidden = (name: string): boolean => /^[\w-]{23,}$/.test(name)

/** null: it was not hidden with this key. A store may have added a number to it. */
export const shownSource = (key: Uint8Array, hidden: string): string | null =>
  shownPart(key, SOURCES, hidden) ?? shownPart(key, SOURCES, hidden.replace(/-\d+$/, ''))
