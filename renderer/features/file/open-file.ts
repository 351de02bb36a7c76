import { createContext, use } from 'react'
import { useView } from '../../state/bridge.tsx'
import { joinPath } from '../restore/browse.ts'

/** The part of a file's page that is asked for: where it is, its versions, or the dialog that restores it. */
export type Wanted = 'where' | 'versions' | 'restore'

/** Opens the page of a file, by its absolute path on the agent's computer. */
export const OpenFileContext = createContext<(path: string, wanted: Wanted) => void>(() => undefined)

export const useOpenFile = () => use(OpenFileContext)

/** A file of a protected folder. */
export interface SourceFile {
  /** The id of its folder; null: it is in no folder of this computer. */
  source: string | null
  /** Relative to the folder, with "/". */
  path: string
}

/** Returns the file's absolute path; null if its folder is not protected. */
export function useAbsolutePath({ source, path }: SourceFile): string | null {
  const { snapshot } = useView()
  const found = snapshot?.state.sources.find(({ settings }) => settings.id === source)
  return found === undefined ? null : joinPath(found.settings.path, path)
}
