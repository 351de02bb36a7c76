import { createSecretKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2'
import { addressOf } from '../../../lib/i18n/address.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { errorText } from '../../../platform/system-error.ts'
import type { SftpDestination } from '../../../settings/destination-schema.ts'
import { hostKeyFingerprint } from '../../../settings/known-hosts.ts'
import { StoreFault } from '../objects/object-store.ts'
import { reasonOf } from './faults.ts'

/** A server that is silent for so long, and asked as often, is gone: within 30 s. */
const ASK_EVERY_MS = 10_000
const UNANSWERED = 2
const LOGIN_MS = 20_000

/** Where, and as whom, files are sent to. */
export type Login = Omit<SftpDestination, 'id' | 'kind' | 'folder' | 'recipient'>

/** A server that has let this computer in. */
export interface SftpConnection {
  client: Client
  localAddress: string | null
  /** Both ends have the same address. */
  isToItself: boolean
  /** What is written until the event loop turns goes together. */
  gather(): void
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<unknown>
}

/** What proves to the server who this is. */
async function credentials(
  { login, keyFile, name, hostKey }: Login,
  { password, key, passphrase }: Readonly<Record<string, string>>,
): Promise<Partial<ConnectConfig>> {
  const given = (secret: string | undefined): string => {
    // The first contact shows the host key and logs in to nothing.
    if (secret === undefined && hostKey !== '')
      throw new UserError('transfer.sftp.secretMissing', { name, field: login })
    return secret ?? ''
  }
  switch (login) {
    case 'password':
      // Some servers take a password only as the answer to a question.
      return { password: given(password), tryKeyboard: true }
    case 'key':
      return { privateKey: given(key), ...(passphrase === undefined ? {} : { passphrase }) }
    case 'file': {
      const path = keyFile ?? ''
      const privateKey = await readFile(path).catch((thrown: unknown) => {
        const reason = reasonOf(thrown)
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

async function reach({ host, port }: Login, signal: AbortSignal): Promise<net.Socket> {
  const socket = net.connect({ host, port, signal, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new StoreFault('lost', 'ETIMEDOUT')), LOGIN_MS)
    socket.once('close', () => clearTimeout(timer))
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.once('error', reject)
  }).catch((thrown: unknown) => {
    throw new StoreFault('lost', reasonOf(thrown), { cause: thrown })
  })
  return socket
}

/** What is written in one turn of the event loop goes in one call: ssh2 writes each packet in three pieces. */
function gatherWrites(socket: net.Socket): () => void {
  const uncork = () => socket.uncork()
  const gather = () => {
    if (socket.writableCorked > 0) return
    socket.cork()
    process.nextTick(uncork)
  }
  // What has waited for the server's window goes when it comes.
  socket.prependListener('data', gather)
  return gather
}

/**
 * ssh2 gives Node the key as bytes for each packet, which costs Node 24 more than to encrypt it; the same key as Node keeps
 * it costs nothing. Where ssh2 is another one than is known here, all stays as it was.
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

/**
 * Algorithms by which a server signs with a host key, for each type of key. A server may have a key of each type, and shows
 * the one that is asked for first.
 */
const KEY_TYPES: readonly (readonly ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256'],
  ['ecdsa-sha2-nistp384'],
  ['ecdsa-sha2-nistp521'],
  // The key's own name is the last one.
  ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
]
type KeyType = (typeof KEY_TYPES)[number]

/** A host key as a server has shown it. */
interface ShownKey {
  fingerprint: string
  /** null: none that was asked for. */
  type: KeyType | null
}

function shownKey(key: Buffer): ShownKey {
  // It begins with its name and the length of that (RFC 4253, 6.6).
  const name = String(key.subarray(4, 4 + key.readUInt32BE(0)))
  const type = KEY_TYPES.find((names) => names.some((one) => one === name)) ?? null
  return { fingerprint: hostKeyFingerprint(key), type }
}

/** The type of each pinned key, once its server has shown it: it is asked for first from then on. */
const typesOfPins = new Map<string, KeyType>()

/** What a connection that failed says. */
function failure(thrown: unknown, login: Login, shown: ShownKey | null): Error {
  const { name, hostKey } = login
  const [, badKey] = /^Cannot parse privateKey: (.*)/.exec(errorText(thrown)) ?? []
  if (badKey !== undefined) return new UserError('transfer.sftp.badKey', { name, reason: badKey })
  const address = addressOf(login.host, login.port)
  if (shown !== null && shown.fingerprint !== hostKey) {
    const key = hostKey === '' ? 'transfer.sftp.newHostKey' : 'transfer.sftp.otherHostKey'
    return new UserError(key, { name, address, found: shown.fingerprint }, { cause: thrown })
  }
  const level: unknown = thrown instanceof Error ? Reflect.get(thrown, 'level') : null
  if (level === 'client-authentication')
    return new UserError('transfer.sftp.loginRefused', { name, user: login.user, address })
  if (level === 'agent') return new UserError('transfer.sftp.noAgent', { name })
  return new StoreFault('lost', reasonOf(thrown), { cause: thrown })
}

/** A connection, or the key that the server has shown instead of the pinned one. */
type Attempt = { connection: SftpConnection } | { thrown: unknown; shown: ShownKey | null }

/**
 * Connects to a server, looks at its host key, and logs in. A server that shows another key than the pinned one may have
 * both: it is asked for each other type of key before it is refused.
 * @throws UserError where only a person can help, with another host key before anything is told to the server; StoreFault.
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
    // It has no key of the types that are left.
    if (first !== null && /no matching host key format/.test(errorText(thrown)))
      throw failure(thrown, login, first)
    const isOther = hostKey !== '' && shown !== null && shown.fingerprint !== hostKey
    if (!isOther) throw failure(thrown, login, shown)
    first ??= shown
    types = types.filter((type) => type !== shown.type)
    if (types.length === 0 || shown.type === null) throw failure(thrown, login, first)
  }
}

interface Asked {
  secrets: Readonly<Record<string, string>>
  proof: Partial<ConnectConfig>
  /** The type of host key to ask for first. */
  types: readonly KeyType[]
}

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
      resolve(new StoreFault('lost', reasonOf(error), { cause: error }))
      client.destroy()
    })
    client.on('close', () => resolve(new StoreFault('lost', 'ECONNRESET')))
  })
  client.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) =>
    answer(prompts.map(() => secrets.password ?? '')),
  )
  const abort = () => client.destroy()
  // Also later: a server whose disk hangs goes on answering that it is there.
  signal.addEventListener('abort', abort, { once: true })
  void ended.then(() => signal.removeEventListener('abort', abort))
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      client.once('error', reject)
      client.once('close', () => reject(new StoreFault('lost', 'ECONNRESET')))
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
  const isToItself = localAddress !== null && localAddress === remoteAddress
  const gather = gatherWrites(sock)
  return { connection: { client, localAddress, isToItself, gather, ended } }
}
