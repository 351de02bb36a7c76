import type { S3Destination } from '../../../settings/destination-schema.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { openObjects } from '../objects/objects.ts'
import type { OpenOptions } from '../open.ts'
import type { reachBucket } from './reach.ts'

/** See reachBucket. */
export const reachS3: typeof reachBucket = async (...target) => {
  // Loaded here, so that only processes with an S3 destination have the library in memory.
  const reach = await import('./reach.ts')
  return reach.reachBucket(...target)
}

export function openS3(
  options: OpenOptions & { destination: S3Destination },
  events: DestinationEvents,
): OpenDestination {
  const { destination, secrets } = options
  const address = `${new URL(destination.endpoint).host}/${destination.bucket}`
  return openObjects(options, { address, reach: () => reachS3(destination, secrets) }, events)
}
