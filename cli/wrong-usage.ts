import { Problem, sentenceOf } from '../core/lib/i18n/problem.ts'

/** The words of the command line do not make sense together: nothing was begun, and the exit code is 2. */
export class WrongUsage extends Problem {}

/** What was thrown where only such words can be wrong. */
export function wrongUsage(thrown: unknown): WrongUsage {
  const { key, params } = sentenceOf(thrown)
  return new WrongUsage(key, params, { cause: thrown })
}
