import type { ListedChunk, ListingOptions } from './sync-walk.ts'

/** What the thread that lists one place can be asked; a listing is known by a number that its owner gives it. */
export interface ListingCalls {
  begin: { input: { listing: number; options: ListingOptions }; output: null }
  /** The next chunk; null at the end. Throws the system's error if the directory that it begins at is gone. */
  next: { input: number; output: ListedChunk | null }
  /** Nobody wants the rest. */
  end: { input: number; output: null }
}

/** A tree in chunks. Throws the system's error if the directory that it begins at is gone. */
export type Listing = AsyncGenerator<ListedChunk, void>
