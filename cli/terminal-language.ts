import { type Language, nearestLanguage } from '../core/lib/i18n/words.ts'

/** The language of the terminal's messages. A variable that is empty counts as unset (POSIX, 8.2). */
export function terminalLanguage({ LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): Language {
  return nearestLanguage(LC_ALL || LC_MESSAGES || LANG || '')
}
