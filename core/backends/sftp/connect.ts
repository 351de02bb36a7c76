import { createSecretKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { findProxy, openTunnel } from '../../lib/network/tunnel.ts'
import { errorText } from '../../platform/system-error.ts'
import type { DestinationOf } from '../../settings/destination-schema.ts'
import { hostKeyFingerprint } from '../../settings/known-hosts.ts'
import { BackendError } from '../errors.ts'
import { isOwnHost } from '../keep-connected.ts'

import { getReason } from './channel.ts'

/** Interval of keepalives; a silent server is given up within 30 s. */
const ASK_EVERY_MS = 10_000
const UNANSWERED = 2
const LOGIN_MS = 20_000

/**
 * Signature algorithms for each type of host key. A server may have a key of each type, and presents the one whose
 * type is requested first.
 */
const KEY_TYPES: readonly (readonly ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256'],
  ['ecdsa-sha2-nistp384'],
  ['ecdsa-sha2-nistp521'],
  // The name of the key type itself is the last one.
  ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
]
type KeyType = (typeof KEY_TYPES)[number]

/** The type of each pinned key that its server has presented: it is requested first from then on. */
const typesOfPins = new Map<string, KeyType>()

/** The server and the user to log in as. */
type Login = Omit<DestinationOf<'sftp'>, 'id' | 'kind' | 'folder' | 'recipient'>

/** A connection that is logged in. */
export interface SftpConnection {
  client: Client
  localAddress: string | null
  /** True if both ends have the same address. */
  isToItself: boolean
  /** Collects the writes of this turn of the event loop into one call. */
  gather(): void
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<unknown>
}

/** A host key presented by a server. */
interface ShownKey {
  fingerprint: string
  /** null: a type that was not requested. */
  type: KeyType | null
}

/** A connection, or the error and the presented key. */
type Attempt = { connection: SftpConnection } | { thrown: unknown; shown: ShownKey | null }

interface Asked {
  secrets: Readonly<Record<string, string>>
  proof: Partial<ConnectConfig>
  /** The types of host key to request, in this order. */
  types: readonly KeyType[]
}

/**
 * Connects to a server, verifies its host key, and logs in. A server with several keys may present another one than the
 * pinned one, so all other types are requested before it is refused.
 * @throws UserError if only a person can help, for a wrong host key before the login; BackendError.
 */
export async function connectSftp(
  login: Login,
  secrets: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<SftpConnection> {
  const proof = await credentials(login, secrets)
  const { hostKey } = login
  const known = typesOfPins.get(hostKey)
  let types = [...(known === undefined ? [] : [known]), ...KEY_TYPES.filter((type) => type !== known)]
  let first: ShownKey | null = null
  for (;;) {
    const attempt = await connectOnce(login, { secrets, proof, types }, signal)
    if ('connection' in attempt) return attempt.connection
    const { thrown, shown } = attempt
    // The server has no key of the remaining types.
    if (first !== null && /no matching host key format/.test(errorText(thrown)))
      throw failure(thrown, login, first)
    const isOther = hostKey !== '' && shown !== null && shown.fingerprint !== hostKey
    if (!isOther) throw failure(thrown, login, shown)
    first ??= shown
    types = types.filter((type) => type !== shown.type)
    if (types.length === 0 || shown.type === null) throw failure(thrown, login, first)
  }
}

/** Returns the credentials for the server. */
async function credentials(
  { login, keyFile, name, hostKey }: Login,
  { password, key, passphrase }: Readonly<Record<string, string>>,
): Promise<Partial<ConnectConfig>> {
  const given = (secret: string | undefined): string => {
    // The first contact only fetches the host key, without a login.
    if (secret === undefined && hostKey !== '')
      throw new UserError('transfer.sftp.secretMissing', { name, field: login })
    return secret ?? ''
  }
  switch (login) {
    case 'password':
      // Some servers accept a password only by keyboard-interactive authentication.
      return { password: given(password), tryKeyboard: true }
    case 'key':
      return { privateKey: given(key), ...(passphrase === undefined ? {} : { passphrase }) }
    case 'file': {
      const path = keyFile ?? ''
      const privateKey = await readFile(path).catch((thrown: unknown) => {
        const reason = getReason(thrown)
        throw new UserError('transfer.sftp.keyFile', { name, path, reason }, { cause: thrown })
      })
      return { privateKey, ...(passphrase === undefined ? {} : { passphrase }) }
    }
    case 'agent': {
      const agent = process.env.SSH_AUTH_SOCK
      if (agent === undefined || agent === '') throw new UserError('transfer.sftp.noAgent', { name })
      return { agent }
    }
    default:
      return login satisfies never
  }
}

/** Makes one attempt: connects, and logs in if the server presents the pinned key. */
async function connectOnce(
  login: Login,
  { secrets, proof, types }: Asked,
  signal: AbortSignal,
): Promise<Attempt> {
  const { default: ssh2 } = await import('ssh2')
  const sock = await reach(login, signal)
  const { localAddress = null, remoteAddress } = sock
  const client = new ssh2.Client()
  let shown: ShownKey | null = null
  const ended = new Promise<unknown>((resolve) => {
    client.on('error', (error) => {
      resolve(new BackendError('lost', getReason(error), { cause: error }))
      client.destroy()
    })
    client.on('close', () => resolve(new BackendError('lost', 'ECONNRESET')))
  })
  client.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) =>
    answer(prompts.map(() => secrets.password ?? '')),
  )
  const abort = () => client.destroy()
  // Stays active after the login: a server whose disk hangs still answers keepalives.
  signal.addEventListener('abort', abort, { once: true })
  void ended.then(() => signal.removeEventListener('abort', abort))
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      client.once('error', reject)
      client.once('close', () => reject(new BackendError('lost', 'ECONNRESET')))
      client.connect({
        sock,
        username: login.user,
        readyTimeout: LOGIN_MS,
        keepaliveInterval: ASK_EVERY_MS,
        keepaliveCountMax: UNANSWERED,
        algorithms: { serverHostKey: types.flat() },
        hostVerifier: (key: Buffer) => {
          shown = shownKey(key)
          if (shown.fingerprint !== login.hostKey) return false
          if (shown.type !== null) typesOfPins.set(login.hostKey, shown.type)
          return true
        },
        ...proof,
      })
    })
  } catch (thrown) {
    client.destroy()
    sock.destroy()
    return { thrown, shown }
  }
  keepKeys(client)
  // Behind a proxy the addresses of the connection are those of the way to the proxy.
  const isToItself =
    findProxy(login) === null
      ? localAddress !== null && localAddress === remoteAddress
      : await isOwnHost(login.host)
  const gather = gatherWrites(sock)
  return { connection: { client, localAddress, isToItself, gather, ended } }
}

/** Opens the TCP connection. @throws ProxyError, BackendError. */
async function reach({ host, port }: Login, signal: AbortSignal): Promise<net.Socket> {
  const tunnel = await openTunnel({ host, port }, signal)
  if (tunnel !== null) return tunnel
  const socket = net.connect({ host, port, signal, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new BackendError('lost', 'ETIMEDOUT')), LOGIN_MS)
    socket.once('close', () => clearTimeout(timer))
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.once('error', reject)
  }).catch((thrown: unknown) => {
    throw new BackendError('lost', getReason(thrown), { cause: thrown })
  })
  return socket
}

function shownKey(key: Buffer): ShownKey {
  // The key begins with the length of its type's name and that name (RFC 4253, 6.6).
  const name = String(key.subarray(4, 4 + key.readUInt32BE(0)))
  const type = KEY_TYPES.find((names) => names.some((one) => one === name)) ?? null
  return { fingerprint: hostKeyFingerprint(key), type }
}

/** Returns the error for a failed connection. */
function failure(thrown: unknown, login: Login, shown: ShownKey | null): Error {
  const { name, hostKey } = login
  const [, badKey] = /^Cannot parse privateKey: (.*)/.exec(errorText(thrown)) ?? []
  if (badKey !== undefined) return new UserError('transfer.sftp.badKey', { name, reason: badKey })
  const address = formatAddress(login.host, login.port)
  if (shown !== null && shown.fingerprint !== hostKey) {
    const key = hostKey === '' ? 'transfer.sftp.newHostKey' : 'transfer.sftp.otherHostKey'
    return new UserError(key, { name, address, found: shown.fingerprint }, { cause: thrown })
  }
  const level: unknown = thrown instanceof Error ? Reflect.get(thrown, 'level') : null
  if (level === 'client-authentication')
    return new UserError('transfer.sftp.loginRefused', { name, user: login.user, address })
  if (level === 'agent') return new UserError('transfer.sftp.noAgent', { name })
  return new BackendError('lost', getReason(thrown), { cause: thrown })
}

/** Collects the writes of one turn of the event loop into one call: ssh2 writes each packet in three pieces. */
function gatherWrites(socket: net.Socket): () => void {
  const uncork = () => socket.uncork()
  const gather = () => {
    if (socket.writableCorked > 0) return
    socket.cork()
    process.nextTick(uncork)
  }
  // Also collects writes that were waiting for the server's window.
  socket.prependListener('data', gather)
  return gather
}

/**
 * Replaces ssh2's raw keys by KeyObjects. ssh2 passes the bytes to Node for each packet, which on Node 24 costs more
 * than the encryption itself; a KeyObject avoids that. Changes nothing if ssh2 has other internals than expected.
 */
function keepKeys(client: Client): void {
  const protocol = part(client, '_protocol')
  for (const [name, field] of [
    ['_cipher', '_encKey'],
    ['_decipher', '_decipherKey'],
  ] as const) {
    const crypter = part(protocol, name)
    const key = part(crypter, field)
    if (Buffer.isBuffer(key)) Reflect.set(Object(crypter), field, createSecretKey(key))
  }
}

const part = (whole: unknown, name: string): unknown =>
  typeof whole === 'object' && whole !== null ? Reflect.get(whole, name) : undefined
