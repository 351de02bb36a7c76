import { createHash, createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode } from '../platform/system-error.ts'

/** Host keys of a server in a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export interface KnownHost {
  /** Fingerprints of its keys, as the settings have them; those of newer types first. */
  keys: string[]
  /** Fingerprints that are marked as revoked for it: they are never to be trusted. */
  revoked: string[]
  /** An authority signs its keys, by a line that begins with @cert-authority: such keys are not supported. */
  hasAuthority: boolean
}

/** Types of keys, the preferred ones first; others are of no use to the SSH library. */
const TYPES = [
  'ssh-ed25519',
  ...['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  'ssh-rsa',
]

/** SHA-256 of a host key, as ssh-keygen -l shows it. */
export const hostKeyFingerprint = (key: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`

/** A name with `*` and `?`. */
function isLike(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 'i').test(name)
}

/** True if a line's first word names the server. */
function isNamed(names: string, host: string): boolean {
  const [, version, salt, digest] = names.split('|')
  if (names.startsWith('|')) {
    if (version !== '1' || salt === undefined || digest === undefined) return false
    const own = createHmac('sha1', Buffer.from(salt, 'base64')).update(host).digest('base64')
    return own === digest
  }
  let isIt = false
  for (const pattern of names.split(',')) {
    if (pattern.startsWith('!')) {
      if (isLike(pattern.slice(1), host)) return false
    } else if (isLike(pattern, host)) isIt = true
  }
  return isIt
}

/** Finds a server's keys in the text of a known_hosts file. Lines that cannot be read are passed over, as OpenSSH does. */
export function readKnownHost(text: string, { host, port }: { host: string; port: number }): KnownHost {
  const lower = host.toLowerCase()
  const names = port === 22 ? [lower] : [`[${lower}]:${port}`]
  const found: { type: string; fingerprint: string }[] = []
  const known: KnownHost = { keys: [], revoked: [], hasAuthority: false }
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/)
    const mark = words[0]?.startsWith('@') === true ? words.shift() : undefined
    const [patterns = '', type = '', key = ''] = words
    if (patterns.startsWith('#') || key === '' || !names.some((name) => isNamed(patterns, name))) continue
    const blob = Buffer.from(key, 'base64')
    const fingerprint = hostKeyFingerprint(blob)
    if (mark === '@revoked') known.revoked.push(fingerprint)
    else if (mark === '@cert-authority') known.hasAuthority = true
    else if (mark === undefined && TYPES.includes(type)) found.push({ type, fingerprint })
  }
  found.sort((a, b) => TYPES.indexOf(a.type) - TYPES.indexOf(b.type))
  const trusted = found.map(({ fingerprint }) => fingerprint)
  known.keys = [...new Set(trusted)].filter((one) => !known.revoked.includes(one))
  return known
}

/** The file of OpenSSH's that is this user's own. */
export const ownKnownHosts = (): string => path.join(homedir(), '.ssh/known_hosts')

/** The same of a file. @throws UserError sftp.knownHosts.unread */
export async function readKnownHostIn(
  file: string,
  server: { host: string; port: number },
): Promise<KnownHost> {
  try {
    return readKnownHost(await readFile(file, 'utf8'), server)
  } catch (error) {
    const reason = errorCode(error) ?? String(error)
    throw new UserError('sftp.knownHosts.unread', { file, reason }, { cause: error })
  }
}
