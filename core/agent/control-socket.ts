import { createHash } from 'node:crypto'
import { unlinkSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { messageSchema } from '../words/message.ts'
import { errorCode, Problem, sentenceOf } from '../words/problem.ts'

const requestSchema = z.object({ command: z.string(), input: z.unknown() })
const answerSchema = z.union([z.object({ sentence: messageSchema }), z.object({ output: z.unknown() })])

/** Longest line that is read: commands are small, and a stuck peer must not fill the memory. */
const LONGEST_REQUEST = 1024 * 1024
/** sun_path of unix(7) holds 108 bytes, the final NUL included. */
const LONGEST_SOCKET_PATH = 107

/**
 * Where the agent of a data directory listens for the command line: a socket in that directory, which only
 * its owner can enter; a named pipe on Windows.
 */
export function controlAddress(dataDirectory: string, platform: NodeJS.Platform = process.platform): string {
  const digest = createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16)
  if (platform === 'win32') return `\\\\.\\pipe\\holdfast-${digest}`
  const inside = path.join(dataDirectory, 'agent.sock')
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH) return inside
  return path.join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `holdfast-${digest}.sock`)
}

export interface ControlSocket {
  close(): void
}

/**
 * Listens for commands, one JSON line each way. It also is the lock of the data directory.
 * @throws Problem agent.alreadyRunning if another agent answers there.
 */
export async function listenForCommands(
  dataDirectory: string,
  answer: (command: string, input: unknown) => Promise<unknown>,
): Promise<ControlSocket> {
  const address = controlAddress(dataDirectory)
  if (await isAnswered(address)) throw new Problem('agent.alreadyRunning', { directory: dataDirectory })
  if (process.platform !== 'win32') removeStale(address)
  const connections = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
    serve(socket, answer)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
  return {
    close: () => {
      server.close()
      for (const socket of connections) socket.destroy()
    },
  }
}

function serve(socket: net.Socket, answer: (command: string, input: unknown) => Promise<unknown>): void {
  let received = 0
  socket.on('data', (chunk) => {
    received += chunk.length
    if (received > LONGEST_REQUEST) socket.destroy()
  })
  socket.on('error', () => socket.destroy())
  createInterface({ input: socket }).once('line', async (line) => {
    const reply = await replyTo(line, answer)
    if (!socket.destroyed) socket.end(`${JSON.stringify(reply)}\n`)
  })
}

async function replyTo(
  line: string,
  answer: (command: string, input: unknown) => Promise<unknown>,
): Promise<z.infer<typeof answerSchema>> {
  try {
    const { command, input } = requestSchema.parse(JSON.parse(line))
    return { output: await answer(command, input) }
  } catch (thrown) {
    return { sentence: sentenceOf(thrown) }
  }
}

/**
 * Sends one command to the agent of a data directory.
 * @throws Problem agent.notRunning if none listens, or the agent's own refusal.
 */
export async function sendCommand(dataDirectory: string, command: string, input: unknown): Promise<unknown> {
  const socket = net.connect(controlAddress(dataDirectory))
  const line = await new Promise<string>((resolve, reject) => {
    socket.once('error', (error) => {
      const isAbsent = ['ENOENT', 'ECONNREFUSED'].includes(errorCode(error) ?? '')
      reject(isAbsent ? new Problem('agent.notRunning', { directory: dataDirectory }) : error)
    })
    socket.once('connect', () => {
      socket.write(`${JSON.stringify({ command, input })}\n`)
      // Only now: readline would throw the error of a connection that was never made.
      createInterface({ input: socket })
        .once('line', resolve)
        .once('close', () => reject(new Problem('agent.closedEarly')))
    })
  }).finally(() => socket.destroy())
  const answered = answerSchema.parse(JSON.parse(line))
  if ('sentence' in answered) throw new Problem(answered.sentence.key, answered.sentence.params)
  return answered.output
}

function isAnswered(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function removeStale(address: string): void {
  try {
    unlinkSync(address)
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT') throw thrown
  }
}
