import { createHash } from 'node:crypto'
import { chmodSync, closeSync, constants, existsSync, openSync, unlinkSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { MAIL_PATIENCE, WITHIN_MS } from '../alerts/channels/channel.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode } from '../platform/system-error.ts'
import { getUserName } from '../platform/user-name.ts'
import { unusableData } from '../settings/data-directory.ts'
import { answerSchema, getAnswer } from './answering.ts'

/** by: the user who sends the command; an earlier version omits it. */
const requestSchema = z.object({
  command: z.string(),
  input: z.unknown(),
  by: z.string().min(1).max(100).default(getUserName),
})
type Answer = (command: string, input: unknown, by: string) => Promise<unknown>

/** Longest line that is read. Commands are small, and a stuck peer must not fill the memory. */
const LONGEST_REQUEST = 1024 * 1024
/** A snapshot of a thousand sources takes some MiB. */
const LONGEST_ANSWER = 64 * 1024 * 1024
/** Pairing and tests wait for others over the network, a mail server longest; all other commands reply at once. */
const ANSWER_WITHIN_MS = MAIL_PATIENCE * WITHIN_MS + 10_000
/** Each command asks for the state first. */
const STATE_WITHIN_MS = 10_000
const SOCKET_NAME = 'agent.sock'
/** sun_path holds 108 bytes in unix(7), 104 in macOS' unix(4), the final NUL included. */
const longestSocketPath = () => (process.platform === 'linux' ? 107 : 103)

interface Address {
  path: string
  /** Releases the resources that keep the address valid. */
  release(): void
}

/**
 * Returns the address at which the agent of a data directory listens for the command line: a socket in that directory
 * that only its owner can use, or a named pipe on Windows. The length of socket paths is limited. For a deeper directory, the path
 * goes through an open descriptor on Linux; elsewhere the socket is in the temporary directory, named by the digest
 * of the data directory. On Windows any spelling of the directory leads to the same pipe.
 */
function controlAddress(dataDirectory: string): Address {
  const nothing = () => undefined
  const named = process.platform === 'win32' ? dataDirectory.toLowerCase() : dataDirectory
  const digest = createHash('sha256').update(named).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\holdfast-${digest}`, release: nothing }
  const inside = path.join(dataDirectory, SOCKET_NAME)
  if (Buffer.byteLength(inside) <= longestSocketPath()) return { path: inside, release: nothing }
  if (process.platform !== 'linux') {
    return { path: path.join(tmpdir(), `holdfast-${digest}.sock`), release: nothing }
  }
  const descriptor = openSync(dataDirectory, constants.O_RDONLY | constants.O_DIRECTORY)
  return { path: `/proc/self/fd/${descriptor}/${SOCKET_NAME}`, release: () => closeSync(descriptor) }
}

interface ControlSocket {
  close(): void
}

/**
 * Listens for commands, one JSON line each way. The caller holds the directory's lock, so an existing socket is a
 * leftover of a killed agent.
 * @throws UserError data.cannotMake
 */
export async function listenForCommands(dataDirectory: string, answer: Answer): Promise<ControlSocket> {
  const address = controlAddress(dataDirectory)
  const connections = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    serve(socket, answer)
  })
  const close = () => {
    server.close(address.release)
    for (const socket of connections) socket.destroy()
  }
  try {
    await listen(server, address.path)
  } catch (error) {
    close()
    // The directory was written to a moment ago: exFAT answers a socket so.
    throw unusableData(dataDirectory, error, 'EIO')
  }
  return { close }
}

async function listen(server: net.Server, address: string): Promise<void> {
  const isFile = process.platform !== 'win32'
  if (isFile && existsSync(address)) unlinkSync(address)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
  if (isFile) chmodSync(address, 0o600)
}

function serve(socket: net.Socket, answer: Answer): void {
  // A client may disconnect before the reply, which is no error.
  socket.on('error', () => socket.destroy())
  readLine(socket, LONGEST_REQUEST).then(
    async (line) => {
      const reply = await getAnswer(async () => {
        const { command, input, by } = requestSchema.parse(JSON.parse(line))
        return answer(command, input, by)
      })
      if (!socket.destroyed) socket.end(`${JSON.stringify(reply)}\n`)
    },
    () => socket.destroy(),
  )
}

/**
 * Reads the first line of a connection. Rejects if the connection ends or fails before the line does, or if more than
 * `most` bytes arrive.
 */
function readLine(socket: net.Socket, most: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer) => {
      const end = chunk.indexOf('\n')
      chunks.push(end === -1 ? chunk : chunk.subarray(0, end))
      size += chunk.length
      if (end === -1 && size <= most) return
      // Bytes after the line are discarded.
      socket.removeListener('data', take)
      socket.resume()
      if (end === -1) reject(new UserError('agent.closedEarly'))
      else resolve(Buffer.concat(chunks).toString('utf8'))
    }
    socket.on('data', take)
    socket.on('close', () => reject(new UserError('agent.closedEarly')))
    socket.on('error', reject)
  })
}

/**
 * Sends one command to the agent of a data directory.
 * @throws UserError agent.notRunning if no agent listens, agent.closedEarly if it ends meanwhile, agent.silent if it
 * hangs, or the agent's own refusal
 */
export async function sendCommand(dataDirectory: string, command: string, input: unknown): Promise<unknown> {
  const address = openAgentAddress(dataDirectory)
  const socket = net.connect(address.path)
  const late = setTimeout(
    () => socket.destroy(new UserError('agent.silent', { directory: dataDirectory })),
    command === 'snapshot' ? STATE_WITHIN_MS : ANSWER_WITHIN_MS,
  )
  socket.write(`${JSON.stringify({ command, input, by: getUserName() })}\n`)
  const line = await readLine(socket, LONGEST_ANSWER)
    .catch((error) => {
      throw connectionError(dataDirectory, error)
    })
    .finally(() => {
      clearTimeout(late)
      socket.destroy()
      address.release()
    })
  const answered = answerSchema.parse(JSON.parse(line))
  if ('sentence' in answered) throw new UserError(answered.sentence.key, answered.sentence.params)
  return answered.output
}

function connectionError(directory: string, error: unknown): unknown {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new UserError('agent.notRunning', { directory })
    case 'EACCES':
    case 'EPERM':
      return new UserError('agent.otherUser', { directory })
    case 'ECONNRESET':
    case 'EPIPE':
      return new UserError('agent.closedEarly')
    case 'ENOTDIR':
      return unusableData(directory, error)
    default:
      return error
  }
}

/** @throws UserError agent.notRunning if the directory does not exist */
function openAgentAddress(dataDirectory: string): Address {
  try {
    return controlAddress(dataDirectory)
  } catch (error) {
    throw new UserError('agent.notRunning', { directory: dataDirectory }, { cause: error })
  }
}
