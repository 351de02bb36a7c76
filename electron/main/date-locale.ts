/**
 * The locale by which Chromium writes dates in fields, where the environment's would give them the order of the United
 * States without being of it: by default (C, POSIX, none), or as packages have no other words. null: the environment's.
 */
export function dateLocale({ LANGUAGE, LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): 'en-GB' | null {
  return /^(zh|en_)/i.test(LANGUAGE || LC_ALL || LC_MESSAGES || LANG || '') ? null : 'en-GB'
}
