import { errorCode } from '../../files/system-error.ts'
import type { WordKey } from '../../words/message.ts'
import { Problem } from '../../words/problem.ts'

/** What a person can do is another thing for each (errno(3)). */
const sentences: Readonly<Record<string, WordKey>> = {
  ENOSPC: 'store.restoreFull',
  EDQUOT: 'store.restoreFull',
  EROFS: 'store.restoreReadOnly',
  ENOTDIR: 'store.restoreNoDirectory',
  EACCES: 'store.restoreForbidden',
  EPERM: 'store.restoreForbidden',
}

/** Nothing can be brought to a destination: why, and what to do. */
export function restoreStopped(path: string, thrown: unknown): Problem {
  const reason = errorCode(thrown) ?? String(thrown)
  return new Problem(sentences[reason] ?? 'store.restoreStopped', { path, reason }, { cause: thrown })
}

/** @param at as it was then; milliseconds since 1970. */
export function nothingToRestore(store: string, origin: readonly string[], at: number | null): Problem {
  const path = [store, ...origin].join('/')
  if (at !== null) return new Problem('store.restoreNothingThen', { path, at })
  return new Problem('store.restoreNothing', { path })
}
