import { type ChildProcess, spawn } from 'node:child_process'
import { ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import { message } from '../../lib/i18n/message.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Channel, ChannelOutcome } from './channel.ts'
import { createAbortSignal, delivered, getAbortOutcome, getReason } from './http.ts'
import { buildPayload } from './webhook.ts'

/** Runs a program without a shell, with a webhook's JSON object on its standard input. */
export const command: Channel = {
  async send(letter, given) {
    const { program = '' } = given.options
    const limit = createAbortSignal(given)
    try {
      return exited(program, await runProgram([program], JSON.stringify(buildPayload(letter)), limit))
    } catch (thrown) {
      return limit.aborted ? getAbortOutcome(given, program) : unstartable(program, thrown)
    }
  },
}

/**
 * Runs a program with its arguments, without a shell. Returns the exit code, or the signal that ended the program.
 * Rejects if it cannot be started, or if the signal is aborted: the program is then killed.
 */
export function runProgram(
  [program = '', ...args]: readonly string[],
  input: string,
  limit: AbortSignal,
): Promise<number | string | null> {
  return new Promise((resolve, reject) => {
    limit.throwIfAborted()
    // A separate process group, so that the program's children can be killed with it.
    const child = spawn(program, args, {
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
      // Its process id may belong to another process by now.
      limit.removeEventListener('abort', end)
      resolve(code ?? killedBy)
    })
    child.stdin.on('error', ignoreError('the program need not read its input'))
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

/** Temporary shortages, after which the attempt is repeated. */
const PASSING = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY', 'EIO'])

function unstartable(program: string, error: unknown): ChannelOutcome {
  const reason = message('channel.command.missing', { program, reason: errorCode(error) ?? getReason(error) })
  if (PASSING.has(errorCode(error) ?? '')) return { did: 'retry', afterMs: null, reason }
  return { did: 'refused', reason }
}
