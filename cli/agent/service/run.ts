import { execFile } from 'node:child_process'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import { errorText } from '../../../core/platform/system-error.ts'
import { translate } from '../../terminal/terminal-words.ts'

/** Longer than systemd waits for a receiver whose disk hangs. */
const WITHIN_MS = 60_000

export interface Ran {
  code: number
  out: string
  err: string
}

/** Runs a system program to its end; the code is 127 if it does not exist. */
export function run([program = '', ...words]: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: WITHIN_MS }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127
      resolve({ code, out, err: err || (error === null ? '' : errorText(error)) })
    })
  })
}

/** Returns a program's standard output; null if it failed. */
export async function output(command: readonly string[]): Promise<string | null> {
  const { code, out } = await run(command)
  return code === 0 ? out : null
}

/** @throws UserError cli.service.failed, cli.service.noSession */
export async function mustRun(command: readonly string[]): Promise<void> {
  const { code, err } = await run(command)
  const reason = err.trim().split('\n').at(-1) || translate('cli.exitCode', { code })
  if (code !== 0 && command.includes('--user') && /failed to connect to .*bus/i.test(reason))
    throw new UserError('cli.service.noSession', { command: command.join(' '), reason })
  if (code !== 0) throw new UserError('cli.service.failed', { command: command.join(' '), reason })
}
