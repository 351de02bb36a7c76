import type { Words } from '../../core/lib/i18n/words.ts'
import type { ListedPath } from '../../core/scan/preview/list-source.ts'

/** Returns why a path would not be sent, with the error of a failed transfer; null if it would be sent. */
export function whyWords({ why, reason }: Pick<ListedPath, 'why' | 'reason'>, words: Words): string | null {
  if (why === null) return null
  return reason === undefined ? words(why) : `${words(why)}: ${words(reason)}`
}
