import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { type Surroundings, within } from '../faults/within.ts'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'
import { commandScript } from './command-script.ts'

export interface RunningCommand {
  child: ChildProcess
  /** What it has said on standard output and on standard error so far. */
  out(): string
  err(): string
  /** Waits for something in its standard output. */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>
  /** Waits for its end; gives the exit code, or the signal's name. */
  ended(withinMs?: number): Promise<number | string>
}

/** Starts `holdfast …` as a process of its own; it is ended when the test is over. */
export function startHoldfast(
  words: string[],
  env: Record<string, string> = {},
  surroundings: Surroundings = {},
): RunningCommand {
  // What a receiver remembers of its store is not this computer's.
  const ownHome = words[0] === 'receive' ? { HOLDFAST_HOME: temporaryDirectory('home') } : {}
  const [program = '', ...rest] = [...within(surroundings), process.execPath, commandScript, ...words]
  const child = spawn(program, rest, {
    env: { ...process.env, LANG: 'C', ...ownHome, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const exit = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | string)
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 8_000)
    await exit
    clearTimeout(force)
  })
  return {
    child,
    out: () => out,
    err: () => err,
    says: (pattern, withinMs = 60_000) =>
      until(`${words.join(' ')} to say ${pattern}; it said: ${out}${err}`, () => pattern.exec(out), withinMs),
    ended: (withinMs = 60_000) => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${words.join(' ')} did not end: ${out}${err}`)), withinMs)
      })
      return Promise.race([exit, late]).finally(() => clearTimeout(timer))
    },
  }
}
