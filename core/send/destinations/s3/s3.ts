import type { S3Destination } from '../../../settings/schema.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import type { OpenOptions } from '../open.ts'

export type S3Options = OpenOptions & { destination: S3Destination }

export function openS3(_options: S3Options, _events: DestinationEvents): Destination {
  throw new Error('not built yet')
}
