import { BlockList, isIP } from 'node:net'
import { plainHost } from './proxy.ts'

// The hosts that are reached without the proxy.

/** Addresses that no proxy can reach for this computer: loopback and link-local. */
const local = new BlockList()
local.addSubnet('127.0.0.0', 8, 'ipv4')
local.addSubnet('169.254.0.0', 16, 'ipv4')
local.addAddress('0.0.0.0', 'ipv4')
local.addAddress('::', 'ipv6')
local.addAddress('::1', 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')

/** True if a host is reached without the proxy: it is local, or an exception covers it. */
export function isExcepted(except: readonly string[], host: string, port: number): boolean {
  const name = plainHost(host)
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    isIn(local, name) ||
    except.some((one) => covers(one, name, port))
  )
}

/**
 * True if an exception covers a host: a name with its subdomains, also as ".example.org" or "*.example.org"; an address
 * or a network ("10.0.0.0/8"); any of them with a port; "*" covers all, and elsewhere any part ("192.168.*").
 */
function covers(exception: string, name: string, port: number): boolean {
  if (exception === '*') return true
  const [, base = exception, asked] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(exception) ?? []
  if (asked !== undefined && Number(asked) !== port) return false
  const [address = '', bits] = base.split('/')
  const plain = plainHost(address)
  const kind = isIP(plain)
  if (kind === 0) {
    const domain = plain.replace(/^\*?\./, '')
    if (domain.includes('*')) return fits(domain.split('*'), name)
    return name === domain || name.endsWith(`.${domain}`)
  }
  const list = new BlockList()
  const family = kind === 6 ? 'ipv6' : 'ipv4'
  const longest = kind === 6 ? 128 : 32
  const prefix = bits === undefined || !/^\d+$/.test(bits) ? longest : Math.min(Number(bits), longest)
  list.addSubnet(plain, prefix, family)
  return isIn(list, name)
}

/** True if a text has these pieces in this order, the first at its beginning and the last at its end. */
function fits([first = '', ...others]: readonly string[], text: string): boolean {
  const last = others.pop() ?? ''
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  for (const piece of others) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= text.length - last.length
}

function isIn(list: BlockList, host: string): boolean {
  const kind = isIP(host)
  return kind !== 0 && list.check(host, kind === 6 ? 'ipv6' : 'ipv4')
}
