import type { ListedChunk, ListingOptions } from './sync-walk.ts'

/** Main thread to the listing thread. Each `next` is answered by one message. */
export type ToListing =
  | { type: 'begin'; listing: number; options: ListingOptions }
  | { type: 'next'; listing: number }
  /** Nobody wants the rest. */
  | { type: 'end'; listing: number }

/** The listing thread to the main thread. `code` is the system's error where it is one. */
export type FromListing =
  | ({ type: 'chunk'; listing: number } & ListedChunk)
  | { type: 'done'; listing: number }
  | { type: 'failed'; listing: number; code: string | null; reason: string }

/** A tree in chunks. Throws the system's error if the directory that it begins at is gone. */
export type Listing = AsyncGenerator<ListedChunk, void>
