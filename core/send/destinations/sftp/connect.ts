import { createHash, createSecretKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import type { Client, ConnectConfig } from 'ssh2'
import { errorText } from '../../../files/system-error.ts'
import type { SftpDestination } from '../../../settings/destination-schema.ts'
import { addressOf } from '../../../words/address.ts'
import { Problem } from '../../../words/problem.ts'
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

const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`

/** What proves to the server who this is. */
async function credentials(
  { login, keyFile, name, hostKey }: Login,
  { password, key, passphrase }: Readonly<Record<string, string>>,
): Promise<Partial<ConnectConfig>> {
  const given = (secret: string | undefined): string => {
    // The first contact shows the host key and logs in to nothing.
    if (secret === undefined && hostKey !== '')
      throw new Problem('transfer.sftp.secretMissing', { name, field: login })
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
        throw new Problem('transfer.sftp.keyFile', { name, path, reason }, { cause: thrown })
      })
      return { privateKey, ...(passphrase === undefined ? {} : { passphrase }) }
    }
    case 'agent': {
      const agent = process.env.SSH_AUTH_SOCK
      if (agent === undefined || agent === '') throw new Problem('transfer.sftp.noAgent', { name })
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

/** What a connection that failed says. */
function failure(thrown: unknown, login: Login, shown: string): Error {
  const { name, hostKey } = login
  const [, badKey] = /^Cannot parse privateKey: (.*)/.exec(errorText(thrown)) ?? []
  if (badKey !== undefined) return new Problem('transfer.sftp.badKey', { name, reason: badKey })
  const address = addressOf(login.host, login.port)
  if (shown !== hostKey && shown !== '') {
    const key = hostKey === '' ? 'transfer.sftp.newHostKey' : 'transfer.sftp.otherHostKey'
    return new Problem(key, { name, address, found: shown }, { cause: thrown })
  }
  const level: unknown = thrown instanceof Error ? Reflect.get(thrown, 'level') : null
  if (level === 'client-authentication')
    return new Problem('transfer.sftp.loginRefused', { name, user: login.user, address })
  if (level === 'agent') return new Problem('transfer.sftp.noAgent', { name })
  return new StoreFault('lost', reasonOf(thrown), { cause: thrown })
}

/**
 * Connects to a server, looks at its host key, and logs in.
 * @throws Problem where only a person can help, with another host key before anything is told to the server; StoreFault.
 */
export async function connectSftp(
  login: Login,
  secrets: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<SftpConnection> {
  const proof = await credentials(login, secrets)
  const { default: ssh2 } = await import('ssh2')
  const sock = await reach(login, signal)
  const { localAddress = null, remoteAddress } = sock
  const client = new ssh2.Client()
  let shown = ''
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
        hostVerifier: (key: Buffer) => {
          shown = fingerprintOf(key)
          return shown === login.hostKey
        },
        ...proof,
      })
    })
  } catch (thrown) {
    client.destroy()
    sock.destroy()
    throw failure(thrown, login, shown)
  }
  keepKeys(client)
  const isToItself = localAddress !== null && localAddress === remoteAddress
  return { client, localAddress, isToItself, gather: gatherWrites(sock), ended }
}
