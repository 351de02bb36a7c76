import type { FileMetadata } from '../platform/file-metadata.ts'
import { findNameFault } from '../protocol/names.ts'
import type { SourceRow } from './manifest/rows.ts'
import type { StoreResult } from './outcome.ts'

/** A directory of the store, with the files of one source of one sender, by its id in the manifest. */
export type StoreSource = SourceRow

/** A session of a sender. `name`: as both ends know it; null: the sender does not know it, or the session has ended. */
export interface NamedSession {
  readonly name: string | null
}

/** A file as its sender offers it. */
export interface Offered {
  source: StoreSource
  /** From the sender, not trusted. */
  path: string
  facts: FileMetadata
  /** The session of the sender; null: the sender has none, as an original isocket client. */
  session: NamedSession | null
}

/** The location of a stored file. */
export type StoredAt = Pick<Offered, 'source' | 'path'>

/** Returns why a path below a source is refused; null: it is allowed. */
export function checkPath(path: string): StoreResult | null {
  const fault = findNameFault(path)
  return fault === null ? null : { status: 'name', detail: fault }
}

/** Returns the path below the store's root. */
export const getPlaceName = ({ source: { folder, directory }, path }: StoredAt): string =>
  `${folder}/${directory}/${path}`
