import { type ChildProcess, spawn } from 'node:child_process'
import { errorCode } from '../../files/system-error.ts'
import { message } from '../../words/message.ts'
import { delivered } from './answer.ts'
import type { Channel, Outcome } from './channel.ts'
import { factsOf } from './facts.ts'
import { timeLimit } from './time-limit.ts'
import { reasonOf, silent, stopped } from './unanswered.ts'

/** A program that is run without a shell, with the facts (facts.ts) as JSON on its standard input. */
export function command(withinMs: number): Channel {
  return {
    async send(letter, given) {
      const { program = '' } = given.options
      const limit = timeLimit(given.signal, withinMs)
      try {
        return await run(program, JSON.stringify(factsOf(letter)), limit.signal, () =>
          given.signal.aborted ? stopped() : silent(program, withinMs),
        )
      } finally {
        limit.clear()
      }
    },
  }
}

function run(program: string, input: string, signal: AbortSignal, onEnd: () => Outcome): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = start(program)
    if (child instanceof Error) return resolve(unstartable(program, child))
    const end = () => {
      killGroup(child)
      resolve(onEnd())
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    child.on('error', (error) => resolve(unstartable(program, error)))
    child.on('exit', (code, killedBy) => resolve(exited(program, code, killedBy)))
    // It need not read what it is given.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function start(program: string): ChildProcess | Error {
  try {
    // A group of its own, so that all that it starts can be ended with it.
    return spawn(program, [], {
      shell: false,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      windowsHide: true,
    })
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

function killGroup(child: ChildProcess): void {
  try {
    // Windows has no groups.
    if (child.pid === undefined || process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

function exited(program: string, code: number | null, killedBy: NodeJS.Signals | null): Outcome {
  if (code === 0) return delivered()
  return {
    did: 'refused',
    reason: message('channel.command.failed', { program, code: code ?? killedBy ?? '–' }),
  }
}

/** What a computer has too little of for now: then it is tried again. */
const PASSING = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY', 'EIO'])

function unstartable(program: string, error: Error): Outcome {
  const reason = message('channel.command.missing', { program, reason: errorCode(error) ?? reasonOf(error) })
  if (PASSING.has(errorCode(error) ?? '')) return { did: 'retry', afterMs: null, reason }
  return { did: 'refused', reason }
}
