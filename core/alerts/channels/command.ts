import { type ChildProcess, spawn } from 'node:child_process'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { message } from '../../lib/i18n/message.ts'
import { errorCode } from '../../platform/system-error.ts'
import { cutShort, delivered, limitOf, reasonOf } from './answer.ts'
import type { Channel, ChannelOutcome } from './channel.ts'
import { factsOf } from './facts.ts'

/** A program that is run without a shell, with the facts (facts.ts) as JSON on its standard input. */
export const command: Channel = {
  async send(letter, given) {
    const { program = '' } = given.options
    const limit = limitOf(given)
    try {
      return exited(program, await run(program, JSON.stringify(factsOf(letter)), limit))
    } catch (thrown) {
      return limit.aborted ? cutShort(given, program) : unstartable(program, thrown)
    }
  },
}

/** Its exit code, or the signal that has ended it. */
function run(program: string, input: string, limit: AbortSignal): Promise<number | string | null> {
  return new Promise((resolve, reject) => {
    limit.throwIfAborted()
    // A group of its own, so that all that it starts can be ended with it.
    const child = spawn(program, [], {
      shell: false,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      windowsHide: true,
    })
    const end = () => {
      killGroup(child)
      reject(limit.reason)
    }
    limit.addEventListener('abort', end, { once: true })
    child.on('error', reject)
    child.on('exit', (code, killedBy) => {
      // Its number may be another process's by then.
      limit.removeEventListener('abort', end)
      resolve(code ?? killedBy)
    })
    // It need not read what it is given.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

function killGroup(child: ChildProcess): void {
  try {
    // Windows has no groups.
    if (child.pid === undefined || process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    warnUnlessCode(error, ['ESRCH'], 'the process of a command cannot be ended')
  }
}

function exited(program: string, code: number | string | null): ChannelOutcome {
  if (code === 0) return delivered()
  return { did: 'refused', reason: message('channel.command.failed', { program, code: code ?? '–' }) }
}

/** What a computer has too little of for now: then it is tried again. */
const PASSING = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY', 'EIO'])

function unstartable(program: string, error: unknown): ChannelOutcome {
  const reason = message('channel.command.missing', { program, reason: errorCode(error) ?? reasonOf(error) })
  if (PASSING.has(errorCode(error) ?? '')) return { did: 'retry', afterMs: null, reason }
  return { did: 'refused', reason }
}
