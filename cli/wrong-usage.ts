import { sentenceOf, UserError } from '../core/lib/i18n/user-error.ts'

/** The words of the command line do not make sense together: nothing was begun, and the exit code is 2. */
export class WrongUsage extends UserError {}

/** What was thrown where only such words can be wrong. */
export function wrongUsage(error: unknown): WrongUsage {
  const { key, params } = sentenceOf(error)
  return new WrongUsage(key, params, { cause: error })
}
