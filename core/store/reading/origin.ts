import { nameFault } from '../../wire/names.ts'
import type { Rows, SourceRow } from '../manifest/rows.ts'

/** Names below the store's root that all that is asked for has. */
export interface Origin {
  sender: string | null
  source: string | null
  /** Without a slash at its end; null: the whole source. */
  path: string | null
}

/**
 * @param sender its own folder is asked for, by the names of its sources; null: the store is, by "<sender>/<source>".
 * @returns null: nothing in a store has such names.
 */
export function originOf(sender: string | null, folder: string | null, path: string | null): Origin | null {
  const names = [...(sender === null ? [] : [sender]), ...(folder?.split('/') ?? [])]
  const isFolder = names.length <= 2 && (folder === null || nameFault(folder) === null)
  const isPath = path === null || (names.length === 2 && nameFault(path) === null)
  const [of = null, source = null] = names
  return isFolder && isPath ? { sender: of, source, path } : null
}

/** What a source is called by whoever asks. @param sender see `originOf`. */
export const folderOf = (sender: string | null, { folder, directory }: SourceRow): string =>
  sender === null ? `${folder}/${directory}` : directory

/** The source that something is in. */
export function sourceOf(rows: Rows, origin: Origin | null): SourceRow | null {
  const isIt = ({ folder, directory }: SourceRow) => folder === origin?.sender && directory === origin.source
  return rows.sources().find(isIt) ?? null
}
