import type { Words } from '../core/lib/i18n/words.ts'
import type { ListedPath } from '../core/scan/preview/list-source.ts'

/** Why a path would not be sent, with what was said of the transfer that failed; null: it would be. */
export function whyWords({ why, reason }: Pick<ListedPath, 'why' | 'reason'>, words: Words): string | null {
  if (why === null) return null
  return reason === undefined ? words(why) : `${words(why)}: ${words(reason)}`
}
