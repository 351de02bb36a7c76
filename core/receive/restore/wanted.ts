import { nameFault } from '../../wire/names.ts'
import { Problem } from '../../words/problem.ts'
import { isVersionName } from '../versions/name.ts'
import type { When } from './select.ts'

/** What is wanted from a store; null: all of them. */
export interface Wanted {
  sender: string | null
  source: string | null
  path: string | null
  /** Milliseconds since 1970. */
  at: number | null
  /** The name of one older version of the file that `path` is. */
  version: string | null
}

/** @throws Problem when a name could lead out of the store, or the words do not fit together. */
export function originOf({ sender, source, path: wanted, version }: Wanted): string[] {
  const parts = [sender, source, wanted === null ? null : wanted.replace(/\/+$/, '')]
  const given = parts.indexOf(null)
  if (given !== -1 && parts.slice(given).some((part) => part !== null)) throw new Problem('store.restoreWhat')
  if (version !== null && wanted === null) throw new Problem('store.restoreVersion')
  if (version !== null && !isVersionName(version)) throw new Problem('store.versionName', { version })
  for (const part of parts) {
    if (part !== null && nameFault(part) !== null) throw new Problem('store.pathInvalid', { path: part })
  }
  return parts.flatMap((part) => part?.split('/') ?? [])
}

export function whenOf({ at, version }: Wanted, isList: boolean): When {
  if (at !== null) return { was: 'at', time: at }
  return isList || version !== null ? { was: 'any' } : { was: 'now' }
}
