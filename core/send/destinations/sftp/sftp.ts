import type { SftpDestination } from '../../../settings/schema.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import type { OpenOptions } from '../open.ts'

export type SftpOptions = OpenOptions & { destination: SftpDestination }

export function openSftp(_options: SftpOptions, _events: DestinationEvents): Destination {
  throw new Error('not built yet')
}
