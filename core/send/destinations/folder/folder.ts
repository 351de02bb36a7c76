import type { FolderDestination } from '../../../settings/schema.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import type { OpenOptions } from '../open.ts'

export type FolderOptions = OpenOptions & { destination: FolderDestination }

export function openFolder(_options: FolderOptions, _events: DestinationEvents): Destination {
  throw new Error('not built yet')
}
