import type { FileFacts } from '../files/facts.ts'
import { nameFault } from '../wire/names.ts'
import type { SourceRow } from './manifest/rows.ts'
import type { Outcome } from './outcome.ts'

/** A directory of the store that holds what one source of one sender sends, by its number in the manifest. */
export type StoreSource = SourceRow

/** A file as its sender offers it. */
export interface Offered {
  source: StoreSource
  /** As the sender gave it: not trusted. */
  path: string
  facts: FileFacts
  /** The session that it comes by; null: the sender has none, as an original isocket client. */
  session: string | null
}

/** Where a file of the store is. */
export type StoredAt = Pick<Offered, 'source' | 'path'>

/** Why a path below a source is not stored; null: it may be. */
export function judgePath(path: string): Outcome | null {
  const fault = nameFault(path)
  return fault === null ? null : { status: 'name', detail: fault }
}

/** A place's name below the store's root. */
export const placeNameOf = ({ source: { folder, directory }, path }: StoredAt): string =>
  `${folder}/${directory}/${path}`
