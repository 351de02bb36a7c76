import { dropError } from '../../dropped-errors.ts'

/** The parts of an SFTP server's address that a text contains. */
interface SftpTarget {
  host: string
  user?: string
  port?: number
  /** Directory on the server: absolute, or relative to the login directory. */
  path?: string
}

const HOST = String.raw`\[(?<ipv6>[^\s\]]*:[^\s\]]*)\]|(?<name>[^\s:/@[\]]+)`
const USER = String.raw`(?:(?<user>[^:/\s]+)@)?`
/** As in OpenSSH's sftp(1): one "/" ends the address, a second one begins an absolute path. */
const ADDRESS = new RegExp(`^sftp://${USER}(?:${HOST})(?::(?<port>\\d{1,5}))?(?:/(?<path>.*))?$`, 'i')
/** "user@host", optionally followed by ":path", ":port", ":port/path" or ":port:path". */
const LOGIN = new RegExp(`^${USER}(?:${HOST})(?::(?<port>\\d{1,5})(?=[:/]|$))?(?:(?<mark>[:/])(?<path>.*))?$`)

/** Without brackets the end of such an address is ambiguous. */
const BARE_IPV6 = /^([^:/\s]+@)?[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*$/i

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    return dropError(error, 'the text is not percent-encoded', text)
  }
}

/**
 * Parses `sftp://user@host:port/path`, `user@host:path`, `user@host:port/path` or a part of it; IPv6 addresses must be
 * in brackets. null: it has another form, for example with a password.
 */
export function readSftpTarget(text: string): SftpTarget | null {
  const trimmed = text.trim()
  const isAddress = /^sftp:/i.test(trimmed)
  if ((!isAddress && /^[a-z0-9+.-]+:\/\//i.test(trimmed)) || BARE_IPV6.test(trimmed)) return null
  const { user, ipv6, name, port, mark, path } = (isAddress ? ADDRESS : LOGIN).exec(trimmed)?.groups ?? {}
  const host = ipv6 ?? name
  if (host === undefined) return null
  // A "/" after the host is only valid after a port.
  if (mark === '/' && port === undefined) return null
  const plain = isAddress ? decoded : (part: string) => part
  return {
    host,
    ...(user === undefined ? {} : { user: plain(user) }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(path === undefined || path === '' ? {} : { path: plain(path) }),
  }
}

/** Formats a target as text that can be parsed again. */
export function sftpAddress(target: Required<SftpTarget>): string {
  const { host, user, port, path } = target
  const encoded = (text: string) => text.replaceAll('%', '%25')
  const address = host.includes(':') ? `[${host}]` : host
  return `sftp://${encoded(user).replaceAll('/', '%2F').replaceAll(':', '%3A')}@${address}:${port}/${encoded(path)}`
}
