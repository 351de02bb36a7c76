/**
 * Returns the locale in which Chromium formats dates in input fields. Locales that would get the order of the United
 * States only by default (C, POSIX, unset, a language without translations) use en-GB; null: use the environment's.
 */
export function dateLocale({ LANGUAGE, LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): 'en-GB' | null {
  return /^(zh|en_)/i.test(LANGUAGE || LC_ALL || LC_MESSAGES || LANG || '') ? null : 'en-GB'
}
