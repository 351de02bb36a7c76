import type { Destination, DestinationOf } from '../settings/destination-schema.ts'
import type { Computer, DestinationTest, LibrarySettings } from './backend-messages.ts'
import type { DestinationEvents, OpenDestination } from './destination.ts'
import type { DestinationKind } from './kinds.ts'
import type { Library } from './library.ts'
import type { OpenOptions, Tested, TryOptions } from './options.ts'

/** The kinds in which each computer has its own folder: the library and the session of `objects/` are theirs. */
export type StoreKind = Extract<Destination, { folder: string }>['kind']

export type SendOptions<K extends DestinationKind> = OpenOptions & { destination: DestinationOf<K> }
export type ReadSettings<K extends DestinationKind> = LibrarySettings & { destination: DestinationOf<K> }

/**
 * The code of a kind of destination, in both directions: what one function stores, another reads back. Errors have the
 * meanings in errors.ts.
 */
export interface Backend<K extends DestinationKind> {
  /** Keeps a session open for sending, and reconnects without end: its events have every failure. */
  send(options: SendOptions<K>, events: DestinationEvents): OpenDestination
  /** Opens it, and where it can writes a small file, reads it back and removes it. Never rejects. */
  test(destination: Tested<K>, options: TryOptions): Promise<DestinationTest>
  /**
   * Opens the files of a computer there. Its calls may block, so it runs in a process of its own.
   * @throws UserError with the reason why they cannot be read.
   */
  read(settings: ReadSettings<K>, signal: AbortSignal): Promise<Library>
  /** Lists the computers that have files there, including this one. @throws UserError as `read`. */
  computers(settings: ReadSettings<K>, signal: AbortSignal): Promise<Computer[]>
}
