import type { Checked } from '../../check/messages.ts'

/**
 * Old knowledge is no knowledge: whether a verdict is older than three intervals, and ten seconds for the clock of a
 * busy computer. The one status and each card go by it.
 *
 * @param now milliseconds since 1970
 */
export function isOldVerdict({ at }: Pick<Checked, 'at'>, intervalSeconds: number, now: number): boolean {
  return now - at > intervalSeconds * 3_000 + 10_000
}
