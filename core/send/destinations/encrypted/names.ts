import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'

// Names that nobody can read who has no key. Each part of a path is encrypted alone and always to the same, with the
// directory that it is in: the digest of both is the first block of the counter (SIV, as in RFC 5297, with HMAC). So what is
// at the destination is a tree of the same shape, and a name can be found without a list.

const DIGEST_KEY_BYTES = 32
const KEY_BYTES = 64
const TAG_BYTES = 16
/** Of a source's name: with what is added, no store shortens it. */
const MOST_SOURCE_BYTES = 120
/** What a store adds to the name of a second source. */
const ADDED = /-\d+$/

export type NameKey = Uint8Array

/**
 * The same for all that this computer sends for one recipient: nothing has to be kept.
 * @param identity this computer's, with its private key.
 */
export const nameKeyOf = ({ key }: { key: string }, recipient: string): NameKey =>
  new Uint8Array(hkdfSync('sha256', key, recipient, 'holdfast names', KEY_BYTES))

/** The file at a destination that has the key, encrypted for the recipient. */
export const nameKeyFile = (key: NameKey): string =>
  `names-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.age`

export const isNameKeyFile = (name: string): boolean => /^names-[0-9a-f]{16}\.age$/.test(name)

/** As the file has it, which `age -d` shows. */
export const nameKeyText = (key: NameKey): string => `${Buffer.from(key).toString('hex')}\n`

/** null: it is none. */
export function nameKeyIn(text: string): NameKey | null {
  const key = Buffer.from(text.trim(), 'hex')
  return key.length === KEY_BYTES ? key : null
}

const tagOf = (key: NameKey, directory: string, name: Uint8Array): Buffer =>
  createHmac('sha256', key.subarray(0, DIGEST_KEY_BYTES))
    .update(`${directory}/`)
    .update(name)
    .digest()
    .subarray(0, TAG_BYTES)

/** @param directory the path of the one that it is in; '' for none. */
function hiddenPart(key: NameKey, directory: string, name: string): string {
  const bytes = Buffer.from(name)
  const tag = tagOf(key, directory, bytes)
  const cipher = createCipheriv('aes-256-ctr', key.subarray(DIGEST_KEY_BYTES), tag)
  return Buffer.concat([tag, cipher.update(bytes), cipher.final()]).toString('base64url')
}

/** null: it was not hidden with this key. */
function shownPart(key: NameKey, directory: string, hidden: string): string | null {
  const bytes = Buffer.from(hidden, 'base64url')
  if (bytes.length <= TAG_BYTES) return null
  const tag = bytes.subarray(0, TAG_BYTES)
  const decipher = createDecipheriv('aes-256-ctr', key.subarray(DIGEST_KEY_BYTES), tag)
  const name = Buffer.concat([decipher.update(bytes.subarray(TAG_BYTES)), decipher.final()])
  return tagOf(key, directory, name).equals(tag) ? name.toString() : null
}

const above = (path: readonly string[], depth: number): string => path.slice(0, depth).join('/')

export function hiddenPath(key: NameKey, path: string): string {
  const parts = path.split('/')
  return parts.map((name, depth) => hiddenPart(key, above(parts, depth), name)).join('/')
}

/** null: it was not hidden with this key. @param directory the path of the one that it is in, as it is read. */
export function shownPath(key: NameKey, path: string, directory = ''): string | null {
  const shown = directory === '' ? [] : directory.split('/')
  const depth = shown.length
  for (const hidden of path === '' ? [] : path.split('/')) {
    const name = shownPart(key, shown.join('/'), hidden)
    if (name === null) return null
    shown.push(name)
  }
  return shown.slice(depth).join('/')
}

// No directory of a source is called as the sources themselves are hidden.
const SOURCES = '/'

export function hiddenSource(key: NameKey, name: string): string {
  let short = name
  while (Buffer.byteLength(short) > MOST_SOURCE_BYTES) short = [...short].slice(0, -1).join('')
  return hiddenPart(key, SOURCES, short)
}

/** null: it was not hidden with this key. */
export const shownSource = (key: NameKey, hidden: string): string | null =>
  shownPart(key, SOURCES, hidden) ?? shownPart(key, SOURCES, hidden.replace(ADDED, ''))
