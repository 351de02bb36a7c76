import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { translate } from './terminal-words.ts'

/** Returns the environment variable of a secret: HOLDFAST_SECRET_KEY for "secretKey". */
export const toVariableName = (field: string): string =>
  `HOLDFAST_${field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** Returns those of the secrets that the environment provides. */
export function secretsInEnvironment(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = process.env[toVariableName(field)]
      return value === undefined || value === '' ? [] : [[field, value]]
    }),
  )
}

const isAsked = () => process.stdin.isTTY === true

/**
 * Asks at the terminal for a secret, without echo.
 * @throws UserError cli.destinations.secretMissing if there is no terminal to ask at.
 */
export async function askSecret(field: string): Promise<string> {
  if (!isAsked())
    throw new UserError('cli.destinations.secretMissing', { field, variable: toVariableName(field) })
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() })
  process.stderr.write(`${field}: `)
  return ask(muted, '').finally(() => process.stderr.write('\n'))
}

/** Asks a yes-no question at the terminal; null if there is no terminal to ask at. */
export async function askWhether(question: Parameters<typeof translate>): Promise<boolean | null> {
  if (!isAsked()) return null
  return /^y(es)?$/i.test((await ask(process.stderr, `${translate(...question)} `)).trim())
}

async function ask(output: NodeJS.WritableStream, question: string): Promise<string> {
  using lines = createInterface({ input: process.stdin, output, terminal: true })
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  return await lines.question(question)
}
