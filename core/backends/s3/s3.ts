import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { S3Destination } from '../../settings/destination-schema.ts'
import type { DestinationTest } from '../backend-messages.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { orIf } from '../objects/object-store.ts'
import { openObjects, testObjects } from '../objects/objects.ts'
import type { OpenOptions, Tested, TryOptions } from '../open.ts'
import { explained } from './errors.ts'
import type { reachBucket, S3Store } from './s3-store.ts'

/** A difference of clocks that stores accept, in milliseconds. */
const CLOCK_MS = 60_000

/** See reachBucket. */
export const reachS3: typeof reachBucket = async (...target) => {
  // Loaded here, so that only processes with an S3 destination have the library in memory.
  const reach = await import('./s3-store.ts')
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

export function testS3(destination: Tested<'s3'>, options: TryOptions): Promise<DestinationTest> {
  return testObjects(
    destination,
    {
      address: new URL(destination.endpoint).host,
      reach: (folder, found) =>
        reachS3({ ...destination, folder }, options.secrets).catch((error: unknown) => {
          const shown = error instanceof UserError ? error.sentence.params.fingerprint : undefined
          if (typeof shown === 'string') found.certificate = shown
          throw error
        }),
      notes: (store) => collectNotes(store, destination.name),
      explain: (error, folder) => explained(error, { ...destination, folder }),
    },
    options,
  )
}

/** Returns notes on the bucket's abilities. */
async function collectNotes(store: S3Store, name: string): Promise<Message[]> {
  const { abilities, client } = store
  const notes: Message[] = []
  notes.push(message((await abilities.isVersioned()) ? 's3.note.versioned' : 's3.note.unversioned', { name }))
  if (!(await abilities.verifies())) notes.push(message('s3.note.readBack', { name }))
  if (await abilities.isLocked()) notes.push(message('s3.note.locked', { name }))
  if (!(await abilities.isVersioned()) && !(await abilities.isConditional()))
    notes.push(message('s3.note.unconditional', { name }))
  const skew = Math.abs(client.config.systemClockOffset)
  if (skew > CLOCK_MS) notes.push(message('s3.note.clock', { name, seconds: Math.round(skew / 1000) }))
  await store.remove(store.trial).catch(orIf('denied', undefined))
  return notes
}
