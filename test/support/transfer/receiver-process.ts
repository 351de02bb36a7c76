import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { commandScript } from '../cli/command-script.ts'
import { until } from '../until.ts'

// `holdfast receive` as a process, for tests without Vitest; test/support/agent/two-receivers.ts is for those with it.

export interface ReceiverProcess {
  /** Its store's directory. */
  store: string
  /** What pairs with it; waits until it listens. */
  code(): Promise<string>
  /** Accepts nothing more of its only sender, as its person does beside it. */
  revoke(): Promise<unknown>
  /** Ends it as a service manager does; its store stays. */
  stop(): Promise<void>
  /** Starts it anew with its store, at a port that a sender knows. */
  start(port: number): void
  /** Stops it and removes its store. */
  remove(): Promise<void>
}

/** Runs a command to its end, whatever its exit code; gives what it said on standard output. */
export async function holdfastSays(...words: string[]): Promise<string> {
  const running = promisify(execFile)(process.execPath, [commandScript, ...words], {
    maxBuffer: 64 * 1024 * 1024,
  })
  return running.then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout || Promise.reject(error),
  )
}

export function startReceiverProcess(name: string): ReceiverProcess {
  const base = mkdtempSync(path.join(tmpdir(), 'holdfast-receiver-'))
  const store = path.join(base, 'store')
  let child: ChildProcess | null = null
  const start = (port: number) => {
    const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', String(port), '--name', name]
    const env = { ...process.env, HOLDFAST_HOME: path.join(base, 'home') }
    child = spawn(process.execPath, [commandScript, ...words], { stdio: 'ignore', env })
  }
  const stop = async () => {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = once(ending, 'exit')
    const force = setTimeout(() => ending.kill('SIGKILL'), 8_000)
    ending.kill('SIGTERM')
    await ended
    clearTimeout(force)
  }
  start(0)
  return {
    store,
    start,
    stop,
    code: () =>
      until(`${name} to give a code`, async () => {
        const said = JSON.parse(await holdfastSays('pair', '--store', store, '--json'))
        return z.object({ code: z.string(), receiverRunning: z.literal(true) }).parse(said).code
      }),
    revoke: async () => {
      const only = JSON.parse(await holdfastSays('senders', '--store', store, '--json'))
      const { fingerprint } = z.object({ fingerprint: z.string() }).parse(only)
      return holdfastSays('senders', '--store', store, 'revoke', fingerprint)
    },
    remove: async () => {
      await stop()
      rmSync(base, { recursive: true, force: true })
    },
  }
}
