import type { DigestKind } from '../../files/digest.ts'
import type { Facts } from './facts.ts'
import type { Content, Unsent } from './read.ts'

/** A file that is to be read, and what it was when it was offered. */
export interface Wanted {
  file: string
  offered: Facts
}

/** What was found of the file with this index: its content, if it is what was offered. */
export interface Found {
  index: number
  content: Content | Unsent
}

/** Files that are read together. */
export interface Group {
  files: readonly Wanted[]
  /** How their digests are made. */
  digests: DigestKind
  take: (found: readonly Found[]) => void
}
