import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import net, { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import tls from 'node:tls'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { formatAddress } from '../i18n/formats.ts'
import type { Message, WordKey } from '../i18n/message.ts'
import { UserError } from '../i18n/user-error.ts'
import { parseLoginSchemes } from './answers.ts'
import { isExcepted } from './exceptions.ts'
import { type ProxyRoute, splitProxyAddress } from './proxy.ts'

// Connections through the proxy of this computer: HTTP's CONNECT, or SOCKS5. The proxy resolves the target's name, as a
// network behind a proxy often resolves only its own.

/** Time limit to reach the proxy and, through it, the target. */
const WITHIN_MS = 15_000

export interface Target {
  host: string
  port: number
}

/** The proxy of this process; null: every address is reached directly. */
let current: ProxyRoute | null = null

/** Sets the proxy of this process. Open connections stay as they are. */
export function setProxy(route: ProxyRoute | null): void {
  current = route
}

/** Returns the proxy on the way to a target; null: it is reached directly. */
export function findProxy({ host, port }: Target): ProxyRoute | null {
  return current === null || isExcepted(current.except, host, port) ? null : current
}

/** The proxy cannot be reached, refuses the login, or cannot reach the target. */
export class ProxyError extends UserError {}

/** Returns the message of a failed proxy among an error and its causes; null: the proxy is not the cause. */
export function findProxyProblem(error: unknown): Message | null {
  for (let one = error; one instanceof Error; one = one.cause)
    if (one instanceof ProxyError) return one.sentence
  return null
}

/**
 * Connects to a target through the proxy; null: no proxy is on the way, and the caller connects directly.
 * @throws ProxyError; the reason of the signal
 */
export async function openTunnel(target: Target, signal: AbortSignal): Promise<Socket | null> {
  const proxy = findProxy(target)
  if (proxy === null) return null
  const late = AbortSignal.timeout(WITHIN_MS)
  const ending = AbortSignal.any([signal, late])
  const { scheme } = splitProxyAddress(proxy.address)
  try {
    const open = scheme.startsWith('socks') ? openBySocks : openByConnect
    return await open(proxy, target, ending)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ProxyError) throw error
    const reason = late.aborted ? 'ETIMEDOUT' : (errorCode(error) ?? errorText(error))
    throw createError('proxy.unreachable', proxy, target, reason, error)
  }
}

function createError(
  key: WordKey,
  { address }: ProxyRoute,
  { host, port }: Target,
  reason: string,
  cause?: unknown,
): ProxyError {
  const proxy = splitProxyAddress(address)
  const params = {
    ...{ proxy: formatAddress(proxy.host, proxy.port), url: address },
    ...{ address: formatAddress(host, port), host, reason },
  }
  return new ProxyError(key, params, { cause })
}

/** Routes whose proxy has asked for the password in this form (Basic). It is sent unasked from then on. */
const asking = new WeakSet<ProxyRoute>()

/** Requests the tunnel of an HTTP proxy (RFC 9110, 9.3.6). The password is sent once the proxy asks for it. */
async function openByConnect(proxy: ProxyRoute, target: Target, signal: AbortSignal): Promise<Socket> {
  const wasAsking = asking.has(proxy)
  const first = await connectOnce(proxy, target, wasAsking, signal)
  if (first instanceof net.Socket) return first
  const schemes = parseLoginSchemes([first.headers['proxy-authenticate'] ?? []].flat().join(', '))
  const offered = schemes.length === 0 || schemes.includes('Basic')
  if (first.statusCode === 407 && offered && proxy.user !== '' && !wasAsking) {
    asking.add(proxy)
    const second = await connectOnce(proxy, target, true, signal)
    if (second instanceof net.Socket) return second
    throw toRefusal(second, proxy, target)
  }
  if (first.statusCode === 407 && !offered)
    throw createError('proxy.otherLogin', proxy, target, schemes.join(', '))
  throw toRefusal(first, proxy, target)
}

function toRefusal(
  { statusCode = 0, statusMessage = '' }: IncomingMessage,
  proxy: ProxyRoute,
  target: Target,
): ProxyError {
  // tinyproxy answers a wrong password with 401.
  const key = statusCode === 407 || statusCode === 401 ? 'proxy.login' : 'proxy.refused'
  return createError(key, proxy, target, `HTTP ${statusCode} ${statusMessage}`.trim())
}

/** Sends one request for a tunnel. Returns the answer of a proxy that refuses it. */
function connectOnce(
  { address, user, password }: ProxyRoute,
  target: Target,
  withLogin: boolean,
  signal: AbortSignal,
): Promise<Socket | IncomingMessage> {
  const { scheme, host, port } = splitProxyAddress(address)
  const authority = formatAddress(target.host.replace(/^\[|\]$/g, ''), target.port)
  const login = Buffer.from(`${user}:${password}`).toString('base64')
  const options: https.RequestOptions = {
    ...{ method: 'CONNECT', host, port, path: authority, agent: false, signal },
    headers: { Host: authority, ...(withLogin ? { 'Proxy-Authorization': `Basic ${login}` } : {}) },
    // Node.js would take the name of the Host header, which is the target's.
    servername: isIP(host.replace(/^\[|\]$/g, '')) === 0 ? host : '',
  }
  const request = (scheme === 'https:' ? https : http).request(options)
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    // Node.js passes every answer to this method as a connection.
    request.once('connect', (answer, socket: Socket, head) => {
      const { statusCode = 0 } = answer
      if (statusCode < 200 || statusCode >= 300) {
        socket.destroy()
        resolve(answer)
        return
      }
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.end()
  })
}

/** Requests the tunnel of a SOCKS5 proxy (RFC 1928), with or without a user and a password (RFC 1929). */
async function openBySocks(proxy: ProxyRoute, target: Target, signal: AbortSignal): Promise<Socket> {
  const { SocksClient, SocksClientError } = await import('socks')
  const { host, port } = splitProxyAddress(proxy.address)
  const { user, password } = proxy
  signal.throwIfAborted()
  const socket = net.connect({ host, port, noDelay: true })
  // Not the option of net.connect(), which would also end the finished tunnel.
  const abort = () => socket.destroy(new Error('aborted', { cause: signal.reason }))
  signal.addEventListener('abort', abort, { once: true })
  try {
    await once(socket, 'connect')
    await SocksClient.createConnection({
      proxy: { host, port, type: 5, ...(user === '' ? {} : { userId: user, password }) },
      command: 'connect',
      destination: { host: target.host.replace(/^\[|\]$/g, ''), port: target.port },
      existing_socket: socket,
      timeout: WITHIN_MS,
    })
  } catch (error) {
    socket.destroy()
    if (!(error instanceof SocksClientError) || signal.aborted) throw error
    const reason = error.message.replace(/^Socks5 (?:proxy rejected connection - )?/, '')
    const key = /auth/i.test(reason) ? 'proxy.login' : 'proxy.refused'
    throw createError(key, proxy, target, `SOCKS ${reason}`, error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
  await keepForReader(socket)
  return socket
}

/**
 * Keeps what the target sends until somebody listens. The library emits what came with the proxy's answer, and lets the
 * socket flow, in the next turn of the event loop: both would be lost to a reader who comes later.
 */
async function keepForReader(socket: Socket): Promise<void> {
  const early: Buffer[] = []
  const keep = (bytes: Buffer) => void early.push(bytes)
  socket.on('data', keep)
  Reflect.set(socket, 'resume', () => socket)
  await nextTurn()
  Reflect.deleteProperty(socket, 'resume')
  socket.off('data', keep)
  if (early.length > 0) socket.unshift(Buffer.concat(early))
  // A paused socket stays paused when a reader comes; null lets the first listener start it.
  Reflect.set(socket, 'readableFlowing', null)
}

type Created = (error: Error | null, socket: Duplex) => void

/** Returns the target of a connection that an agent of Node.js opens. */
export const toTarget = (options: { host?: string | null | undefined; port?: unknown }): Target => ({
  host: options.host ?? 'localhost',
  port: Number(options.port),
})

const never = new AbortController().signal

/** Opens a tunnel for an agent's connection; `use` gets null if the target is reached directly. */
export function withTunnel(
  options: Parameters<typeof toTarget>[0],
  created: Created,
  use: (tunnel: Socket | null) => void,
): undefined {
  openTunnel(toTarget(options), never).then(use, (error: Error) => created(error, new net.Socket()))
}

/** An agent for requests over plain HTTP, through the proxy. */
export class HttpAgent extends http.Agent {
  override createConnection(options: net.TcpNetConnectOpts, created: Created): Duplex | null | undefined {
    if (findProxy(toTarget(options)) === null) return super.createConnection(options, created)
    return withTunnel(options, created, (tunnel) => created(null, tunnel ?? net.connect(options)))
  }
}

/** An agent for requests over HTTPS, through the proxy. */
export class HttpsAgent extends https.Agent {
  override createConnection(options: tls.ConnectionOptions, created: Created): Duplex | null | undefined {
    if (findProxy(toTarget(options)) === null)
      return super.createConnection({ ...options, port: options.port ?? null }, created)
    return withTunnel(options, created, (tunnel) =>
      created(null, tls.connect(tunnel === null ? options : { ...options, socket: tunnel })),
    )
  }
}
