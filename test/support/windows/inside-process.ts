import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'

// Runs in Wine, by Windows' own Node.js, and does what a test requests over a connection: one JSON object a line. It
// starts the command line itself, because Node.js for Windows cannot use pipes and files that it inherits from Linux.

export type Request = { id: number } & (
  | { does: 'start'; words: readonly string[]; env: Record<string, string> }
  /** Starts a program of Windows, not the command line. */
  | { does: 'startProgram'; words: readonly string[] }
  | { does: 'write'; to: number; text: string }
  | { does: 'kill'; of: number }
  /** Opens a file for writing; `shared`: others may read and write it meanwhile, as they may with Node.js. */
  | { does: 'hold'; file: string; shared: boolean }
  | { does: 'letGo'; of: number }
)

export type Event = { id: number } & ({ out: string } | { err: string } | { code: number })

const [port = '', app = ''] = process.argv.slice(2)
const children = new Map<number, ChildProcess>()
const held = new Map<number, unknown>()
const socket = net.connect(Number(port), '127.0.0.1')
const post = (event: Event) => socket.write(`${JSON.stringify(event)}\n`)
socket.on('close', () => {
  for (const child of children.values()) child.kill('SIGKILL')
  process.exit()
})

function start(id: number, words: readonly string[], env: Record<string, string>): void {
  const holdfast = [process.execPath, path.join(app, 'cli', 'holdfast.js')]
  startProgram(id, [...holdfast, ...words], env)
}

function startProgram(id: number, [program = '', ...words]: readonly string[], env = {}): void {
  const child = spawn(program, words, { env: { ...process.env, ...env } })
  children.set(id, child)
  child.stdout.setEncoding('utf8').on('data', (out: string) => post({ id, out }))
  child.stderr.setEncoding('utf8').on('data', (err: string) => post({ id, err }))
  child.on('close', (code) => {
    children.delete(id)
    post({ id, code: code ?? -1 })
  })
}

const GENERIC_READ_WRITE = 0xc0000000
const FILE_SHARE_READ_WRITE = 3
const OPEN_EXISTING = 3

const kernel = () => {
  const koffi = createRequire(path.join(app, 'package.json'))('koffi') as typeof import('koffi')
  const library = koffi.load('kernel32.dll')
  return {
    open: library.func(
      'void *CreateFileW(str16 name, uint32 access, uint32 share, void *security, uint32 how, uint32 flags, void *template)',
    ),
    close: library.func('bool CloseHandle(void *handle)'),
  }
}

const hold = (file: string, share: number): unknown =>
  kernel().open(file, GENERIC_READ_WRITE, share, null, OPEN_EXISTING, 0, null)

function take(request: Request): void {
  const { id } = request
  switch (request.does) {
    case 'start':
      start(id, request.words, request.env)
      return
    case 'startProgram':
      startProgram(id, request.words)
      return
    case 'write':
      children.get(request.to)?.stdin?.end(request.text)
      return
    case 'kill':
      children.get(request.of)?.kill('SIGKILL')
      return
    case 'hold':
      held.set(id, hold(request.file, request.shared ? FILE_SHARE_READ_WRITE : 0))
      post({ id, code: 0 })
      return
    case 'letGo':
      kernel().close(held.get(request.of))
      post({ id, code: 0 })
      return
  }
}

createInterface({ input: socket }).on('line', (line) => take(JSON.parse(line) as Request))
