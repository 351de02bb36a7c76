import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { SOCKET_PEER, type WebProxy } from '../../settings/schema.ts'
import type { Access } from './sessions.ts'

/** The origin of a request: its connection, or the one that a trusted proxy reports. */
export interface Peer {
  /** IP address; empty: the page's own socket, or a connection that was reset. */
  address: string
  /** As in the Host header. */
  host: string | undefined
  /** True if the browser's connection has TLS. */
  isSecure: boolean
  /** The user that a trusted proxy has signed in; null: none. */
  user: Access | null
}

const LONGEST_USER = 100

/**
 * Returns a function that finds the origin of a request. The headers of proxies are ignored unless the connection comes
 * from an address in the settings: any other peer can send them, too.
 * @param page `isSecure`: it is served with TLS; `isSocket`: it listens on a Unix socket.
 */
export function createPeerReader(
  proxy: WebProxy,
  { isSecure, isSocket }: { isSecure: boolean; isSocket: boolean },
): (request: IncomingMessage) => Peer {
  const trusted = new BlockList()
  for (const address of proxy.addresses) {
    const [network = '', prefix] = address.split('/')
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
    if (prefix !== undefined) trusted.addSubnet(network, Number(prefix), family)
    else if (address !== SOCKET_PEER) trusted.addAddress(network, family)
  }
  const isTrusted = (address: string) =>
    address === ''
      ? // A connection over TCP that was reset has no address, either.
        isSocket && proxy.addresses.includes(SOCKET_PEER)
      : trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return (request) => {
    const address = request.socket.remoteAddress ?? ''
    const { host } = request.headers
    if (!isTrusted(address)) return { address, host, isSecure, user: null }
    const scheme = readLast(request, 'x-forwarded-proto')
    return {
      address: findClient(readList(request, 'x-forwarded-for'), isTrusted) ?? address,
      host: readLast(request, 'x-forwarded-host') ?? host,
      isSecure: scheme === undefined ? isSecure : scheme === 'https',
      user: proxy.userHeader === null ? null : readUser(request, proxy, proxy.userHeader),
    }
  }
}

/** Returns the nearest address that is no proxy: peers beyond it could have invented the others. */
function findClient(
  forwarded: readonly string[],
  isTrusted: (address: string) => boolean,
): string | undefined {
  const addresses = forwarded.filter((one) => isIP(one) !== 0)
  return addresses.findLast((one) => !isTrusted(one)) ?? addresses[0]
}

/** A header that comes twice names no user: the first one may be the browser's. */
function readUser(
  { headersDistinct }: IncomingMessage,
  { role, operators }: WebProxy,
  header: string,
): Access | null {
  const [value = '', second] = headersDistinct[header.toLowerCase()] ?? []
  // Node.js decodes headers as Latin-1 (RFC 9110, 5.5); proxies write UTF-8.
  const name = Buffer.from(value, 'latin1').toString('utf8').trim()
  if (name === '' || second !== undefined || name.length > LONGEST_USER) return null
  return { name, role: operators.includes(name) ? 'operator' : role, by: 'proxy' }
}

const readList = ({ headers }: IncomingMessage, name: string): string[] =>
  String(headers[name] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)

/** The last value is the one of the nearest proxy. */
const readLast = (request: IncomingMessage, name: string): string | undefined =>
  readList(request, name).at(-1)
