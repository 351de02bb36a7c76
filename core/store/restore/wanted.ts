import { nameFault } from '../../wire/names.ts'
import { Problem } from '../../words/problem.ts'
import type { FileRow } from '../manifest/rows.ts'
import { isVersionName } from '../versions/name.ts'

/** What is wanted from a store; null: all of them. */
export interface Wanted {
  sender: string | null
  source: string | null
  path: string | null
  /** Milliseconds since 1970. */
  at: number | null
  /** The name of one older version of the file that `path` is. */
  version: string | null
  /** Also under names that files had before they were renamed at the source. */
  oldNames: boolean
}

/** Names below the store's root that all that is wanted has. */
export interface Origin {
  sender: string | null
  source: string | null
  /** Without a slash at its end; null: the whole source. */
  path: string | null
}

/** @throws Problem when a name could lead out of the store, or the words do not fit together. */
export function originOf({ sender, source, path: given, version }: Wanted): Origin {
  const path = given === null ? null : given.replace(/\/+$/, '')
  const parts = [sender, source, path]
  const first = parts.indexOf(null)
  if (first !== -1 && parts.slice(first).some((part) => part !== null)) throw new Problem('store.restoreWhat')
  if (version !== null && path === null) throw new Problem('store.restoreVersion')
  if (version !== null && !isVersionName(version)) throw new Problem('store.versionName', { version })
  for (const part of parts) {
    if (part !== null && nameFault(part) !== null) throw new Problem('store.pathInvalid', { path: part })
  }
  return { sender, source, path }
}

/**
 * Which of the contents that one path has had are wanted. Pure.
 * @param contents oldest first; what is in its place, if there is anything, is the last one.
 * @param now milliseconds since 1970: of a time to come it is what is in its place, whenever it says that it came.
 */
export function wantedOf(
  contents: readonly FileRow[],
  { at, version, oldNames }: Pick<Wanted, 'at' | 'version' | 'oldNames'>,
  isList: boolean,
  now: number,
): FileRow[] {
  if (version !== null) return contents.filter((one) => one.version === version)
  if (at !== null) {
    const isToCome = at >= now
    const then = isToCome ? contents.at(-1) : contents.findLast(({ storedAt }) => storedAt <= at)
    if (then === undefined) return []
    const isRenamed = then.goneAt !== null && then.goneAt <= at
    // By nothing of its own name: a directory had to be there, or a file where its directory was.
    const isReplaced = then === contents.at(-1) && then.version !== ''
    const isGone = isReplaced && (isToCome || (then.replacedAt ?? 0) <= at)
    return isGone || (isRenamed && !oldNames) ? [] : [then]
  }
  if (isList) return [...contents]
  return contents.filter((one) => one.version === '' && (oldNames || one.goneAt === null))
}
