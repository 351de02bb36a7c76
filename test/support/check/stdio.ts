import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { GUARD } from '../../../build/setup/guard.mjs'
import { commandScript } from '../cli/command-script.ts'
import { until } from '../until.ts'

/** `holdfast check --pipe`, started by a shell as in a package. */
export interface StdioProcess {
  child: ChildProcess
  send(text: string | Buffer): void
  lines(): string[]
  /** Begins to read events, where the test did not from the start. */
  readEvents(): void
  err(): string
  says(line: string | RegExp, withinMs?: number): Promise<string>
  /** Exit code or signal; SIGKILL if it did not end in time. */
  ended(withinMs?: number): Promise<{ code: number | string }>
}

export function startCheck(
  options: {
    words?: string[]
    cwd?: string
    readsErrors?: boolean
    readsEvents?: boolean
    env?: NodeJS.ProcessEnv
  } = {},
): StdioProcess {
  const command = [process.execPath, commandScript, 'check', ...(options.words ?? [])]
  const child = spawn('/bin/sh', ['-c', GUARD, 'holdfast', ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LANG: 'C', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let out = ''
  let err = ''
  const readEvents = () =>
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('latin1')
    })
  if (options.readsEvents !== false) readEvents()
  if (options.readsErrors !== false) {
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString('latin1')
    })
  }
  // A process that is asked to end may close its input first.
  child.stdin.on('error', () => undefined)
  const exit = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = () => out.split('\n').slice(0, -1)
  return {
    child,
    send: (text) => void child.stdin.write(text),
    lines,
    readEvents,
    err: () => err,
    says: (line, withinMs = 60_000) =>
      until(
        `an event ${line} among ${JSON.stringify(lines().slice(-10))}`,
        () => lines().find((said) => (typeof line === 'string' ? said === line : line.test(said))),
        withinMs,
      ),
    ended: async (withinMs = 60_000) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
      const [code, signal] = await exit
      clearTimeout(timer)
      return { code: signal ?? code }
    },
  }
}

/** Process numbers, by proc(5). */
export function listChildren(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readStat(Number(name))?.parent === pid)
    .map(Number)
}

/** A corpse that nobody has taken away yet does not count as alive. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(readStat(pid)?.state)
}

/** State and parent of a process, see proc_pid_stat(5); null if there is none. */
function readStat(pid: number): { state: string | undefined; parent: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return null
  }
}
