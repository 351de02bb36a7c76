import { type Language, nearestLanguage } from '../../core/lib/i18n/words.ts'

/** Returns the language of the terminal's messages. An empty variable counts as unset (POSIX, 8.2). */
export function terminalLanguage({ LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): Language {
  return nearestLanguage(LC_ALL || LC_MESSAGES || LANG || '')
}
