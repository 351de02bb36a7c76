import { createContext, use } from 'react'
import { joinPath } from '../restore/browse.ts'

/** The part of a file's page that is asked for: where it is, its versions, or the dialog that restores it. */
export type Wanted = 'where' | 'versions' | 'restore'

interface FilePages {
  /** Opens the page of a file, by its absolute path on the agent's computer. */
  open: (path: string, wanted: Wanted) => void
  /** Paths of the protected folders, by id. */
  folders: ReadonlyMap<string, string>
}

/** Changes only with the settings of folders: each row of a list reads it. */
export const FilePagesContext = createContext<FilePages>({ open: () => undefined, folders: new Map() })

export const useOpenFile = () => use(FilePagesContext).open

/** A file of a protected folder. */
export interface SourceFile {
  /** The id of its folder; null: it is in no folder of this computer. */
  source: string | null
  /** Relative to the folder, with "/". */
  path: string
}

/** Returns the file's absolute path; null if its folder is not protected. */
export function useAbsolutePath({ source, path }: SourceFile): string | null {
  const folder = use(FilePagesContext).folders.get(source ?? '')
  return folder === undefined ? null : joinPath(folder, path)
}
