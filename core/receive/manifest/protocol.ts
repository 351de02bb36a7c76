import type { JournalEnd } from './journal.ts'
import type { Totals } from './rows.ts'

export interface ManifestPlaces {
  /** The store. */
  root: string
  /** The database. */
  manifest: string
  /** What the names of the files end with that this receiver writes. */
  tag: string
}

/** What the receiver says to the thread that keeps its manifest. */
export type ToManifestThread =
  | ({ type: 'open' } & ManifestPlaces)
  /** The journal is longer now. */
  | { type: 'grown' }
  | { type: 'stop' }

export type FromManifestThread =
  /** The journal is taken in as far as `upTo`; null: there is none yet. */
  | { type: 'settled'; upTo: JournalEnd | null; totals: ({ folder: string } & Totals)[] }
  /** The manifest could not be used and was kept as `aside`. */
  | { type: 'setAside'; aside: string }
  | { type: 'failed'; reason: string }
