import { z } from 'zod'
import { dropError } from '../../dropped-errors.ts'

// The address of the proxy towards other networks. Pure, as the window reads addresses, too.

/** Longest list of exceptions, and the longest of them. */
const MOST_EXCEPTIONS = 100
const LONGEST_HOST = 255

/** Default ports by scheme, as in addresses of the web; 1080 is that of SOCKS. */
const PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'socks5:': 1080,
  'socks5h:': 1080,
}

/** Which proxy is used: none, that of environment variables, or one with a given address. */
export const proxyUses = ['none', 'environment', 'address'] as const

export const proxyExceptionsSchema = z
  .array(
    z
      .string()
      .regex(/^[^\s,;]+$/)
      .max(LONGEST_HOST),
  )
  .max(MOST_EXCEPTIONS)

/** A proxy with its login: the way to every address that is no exception. Contains a secret. */
export const proxyRouteSchema = z.object({
  address: z.string(),
  user: z.string(),
  password: z.string(),
  except: z.array(z.string()),
})
export type ProxyRoute = z.infer<typeof proxyRouteSchema>

/** An address as it was entered, without its login. */
export type ProxyAddress = Omit<ProxyRoute, 'except'>

/**
 * Parses the address of a proxy: `http://`, `https://`, `socks5://` or `socks5h://`, with or without a user and a
 * password. "proxy.example.org:3128" is an HTTP proxy. null: the text is no such address.
 */
export function parseProxyAddress(text: string): ProxyAddress | null {
  const given = text.trim()
  const url = URL.parse(given.includes('://') ? given : `http://${given}`)
  if (url === null || PORTS[url.protocol] === undefined || url.hostname === '') return null
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') return null
  try {
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
    return { address: `${url.protocol}//${url.host}`, user, password }
  } catch (error) {
    return dropError(error, 'an address whose login is not percent-encoded is invalid', null)
  }
}

/** Returns the scheme, the host without brackets, and the port of a proxy's address. */
export function splitProxyAddress(address: string): { scheme: string; host: string; port: number } {
  const { protocol, hostname, port } = new URL(address)
  const usual = PORTS[protocol] ?? 0
  return { scheme: protocol, host: plainHost(hostname), port: port === '' ? usual : Number(port) }
}

/**
 * Returns the proxy in environment variables: HTTPS_PROXY, then ALL_PROXY and HTTP_PROXY, in lower case or in capitals,
 * with the exceptions of NO_PROXY; null: none is set, or its address is invalid.
 */
export function readProxyEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): ProxyRoute | null {
  const read = (name: string) => environment[name.toLowerCase()] || environment[name] || ''
  const given = read('HTTPS_PROXY') || read('ALL_PROXY') || read('HTTP_PROXY')
  const address = given === '' ? null : parseProxyAddress(given)
  if (address === null) return null
  return {
    ...address,
    except: read('NO_PROXY')
      .split(/[\s,]+/)
      .filter((one) => one !== ''),
  }
}

/** Returns a host in lower case, without the brackets and the zone of an IPv6 address or a final dot. */
export const plainHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/\.$/, '')
