import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { holdfastSays } from '../support/transfer/receiver-process.ts'
import { until } from '../support/until.ts'

const cli = path.resolve(import.meta.dirname, '../../cli/holdfast.ts')
const SOURCES = 10

/** Connections to the receiver that can be cut. */
async function startLine(getPort: () => number) {
  const open = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(getPort(), '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the line has no port')
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy()
  }
  return { port: address.port, cut, close: () => server.close(cut) }
}

/** An agent with ten directories, each a file system of its own, and its receiver behind a line. Needs root. */
export interface World {
  readonly sources: readonly string[]
  readonly store: string
  readonly data: string
  /** The processes that run now. */
  pids(): number[]
  startAgent(): void
  startReceiver(): void
  kill(which: 'agent' | 'receiver'): Promise<void>
  cut(): void
  remount(source: string, how: 'ro' | 'rw'): void
  end(): Promise<void>
}

function start(words: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [cli, ...words], { stdio: 'ignore', env: { ...process.env, ...env } })
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

export async function openWorld(): Promise<World> {
  const base = mkdtempSync(path.join(tmpdir(), 'holdfast-soak-'))
  const store = path.join(base, 'store')
  const data = path.join(base, 'data')
  const port = await freePort()
  const line = await startLine(() => port)
  const sources = Array.from({ length: SOURCES }, (_, index) => path.join(base, `source-${index}`))
  for (const source of sources) {
    mkdirSync(source)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'soak', source])
  }
  const running: { agent: ChildProcess | null; receiver: ChildProcess | null } = {
    agent: null,
    receiver: null,
  }
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', String(port)]
  const startReceiver = () => {
    running.receiver = start(words)
  }
  const kill = async (which: 'agent' | 'receiver') => {
    const child = running[which]
    running[which] = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  startReceiver()
  const code = await until(
    'a code',
    async () => JSON.parse(await holdfastSays('pair', '--store', store, '--json')).code as string,
  )
  const behindLine = code.replace(/^(holdfast:\/\/)[^/?]+/, `$1127.0.0.1:${line.port}`)
  await holdfastSays('pair', behindLine, '--data', data)
  return {
    sources,
    store,
    data,
    pids: () => [running.agent?.pid, running.receiver?.pid].filter((pid) => pid !== undefined),
    startAgent: () => {
      running.agent = start(['agent', '--data', data, ...sources])
    },
    startReceiver,
    kill,
    cut: line.cut,
    remount: (source, how) => void execFileSync('mount', ['-o', `remount,${how}`, source]),
    async end() {
      await Promise.all([kill('agent'), kill('receiver')])
      line.close()
      for (const source of sources) execFileSync('umount', ['-l', source])
      rmSync(base, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
