import { createHash, createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode } from '../platform/system-error.ts'

/** Host keys of a server in a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
interface KnownHost {
  /** Fingerprints of its keys, in the format of the settings; newer key types first. */
  keys: string[]
  /** Fingerprints that are marked as revoked; never trusted. */
  revoked: string[]
  /** True if a line with @cert-authority matches. Keys signed by an authority are not supported. */
  hasAuthority: boolean
}

/** Supported key types, in order of preference. The SSH library cannot use others. */
const TYPES = [
  'ssh-ed25519',
  ...['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  'ssh-rsa',
]

/** SHA-256 of a host key, as ssh-keygen -l shows it. */
export const hostKeyFingerprint = (key: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`

/** True if a name matches a pattern with `*` and `?`. */
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

/** Finds a server's keys in the text of a known_hosts file. Unreadable lines are skipped, as OpenSSH does. */
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

/** Returns the path of this user's known_hosts file of OpenSSH. */
export const ownKnownHosts = (): string => path.join(homedir(), '.ssh/known_hosts')

/** Finds a server's keys in a known_hosts file. @throws UserError sftp.knownHosts.unread */
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
