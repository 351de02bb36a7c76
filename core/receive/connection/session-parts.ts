import type { Outcome } from '../file-refused.ts'
import type { Arriving } from '../placement/arrivals.ts'
import type { Store } from '../store/store.ts'
import type { Answers } from './answers.ts'

/** A file as its sender calls it. */
export interface Asked {
  id: number
  source: string
  path: string
  /** Bytes that come over the line. */
  size: number
}

/** What the parts of a connection that stores files have in common. */
export interface SessionParts {
  readonly store: Store
  /** The sender's folder in the store. */
  readonly folder: string
  readonly answers: Answers
  readonly arriving: Arriving
  /** Tells the sender, and whoever counts, what became of a file. */
  answer(file: Asked, outcome: Outcome): void
}
