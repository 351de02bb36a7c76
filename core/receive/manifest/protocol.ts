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
  /** The journal is longer now; `number` counts these messages. */
  | { type: 'grown'; number: number }
  | { type: 'stop' }

export type FromManifestThread =
  /** All is taken in up to the message `number` (0: what was there at the start). */
  | { type: 'settled'; number: number; totals: ({ folder: string } & Totals)[] }
  /** The manifest could not be used and was kept as `aside`. */
  | { type: 'setAside'; aside: string }
  | { type: 'failed'; reason: string }
