import type { S3Destination } from '../../../settings/destination-schema.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import type { ReachedStore } from '../objects/objects.ts'
import { openObjects } from '../objects/objects.ts'
import type { OpenOptions } from '../open.ts'
import type { S3Target } from './reach.ts'
import type { S3Store } from './store.ts'
import { explained } from './trouble.ts'

export const addressOf = ({ endpoint, bucket }: Pick<S3Target, 'endpoint' | 'bucket'>): string =>
  `${new URL(endpoint).host}/${bucket}`

export type S3Options = OpenOptions & { destination: S3Destination }

/**
 * Asks whether the bucket can be used, and opens it as a store.
 * @throws Problem where only a person can help; StoreFault.
 */
export async function reachS3(
  destination: S3Target,
  secrets: Readonly<Record<string, string>>,
): Promise<ReachedStore & { store: S3Store }> {
  // Only who has such a destination has the library in memory.
  const { askBucket, isOnThisComputer, openTarget } = await import('./reach.ts')
  const store = openTarget(destination, secrets)
  try {
    await askBucket(store, destination)
    return { store, localAddress: null, isToItself: await isOnThisComputer(destination.endpoint) }
  } catch (thrown) {
    store.close()
    throw await explained(thrown, destination)
  }
}

export function openS3(options: S3Options, events: DestinationEvents): Destination {
  const { destination, secrets } = options
  return openObjects(
    options,
    { address: addressOf(destination), reach: () => reachS3(destination, secrets) },
    events,
  )
}
