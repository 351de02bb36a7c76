import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'

/** The command line contradicts itself: nothing was started, and the exit code is 2. */
export class WrongUsage extends UserError {}

/** Converts an error where only the command line can be wrong. */
export function wrongUsage(error: unknown): WrongUsage {
  const { key, params } = toSentence(error)
  return new WrongUsage(key, params, { cause: error })
}
