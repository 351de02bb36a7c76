import type { FileFacts } from '../../files/facts.ts'
import type { Facts } from './facts.ts'
import type { Content, Unsent } from './read.ts'

/** A file that is to be read, and what it was when it was offered. */
export interface Wanted {
  /** Relative to the source, with "/". */
  path: string
  offered: Facts
}

/** What was found of the file with this index: its content, if it is what was offered. */
export interface Found {
  index: number
  content: Content | Unsent
}

/** What a directory on the way to files is; the source's own has an empty path. */
export interface FoundDirectory {
  path: string
  facts: FileFacts
}

/** Files of one source that are read together. */
export interface Group {
  /** Absolute path of the source. */
  root: string
  files: readonly Wanted[]
  /** `directories`: those that the files are in, and above them. */
  take: (found: readonly Found[], directories: readonly FoundDirectory[]) => void
}
