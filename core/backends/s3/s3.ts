import { type Message, message } from '../../lib/i18n/message.ts'
import { orIf } from '../errors.ts'

import type { ObjectKind } from '../objects/objects.ts'
import type { Tested } from '../options.ts'
import { explained } from './errors.ts'
import type { S3Store } from './s3-store.ts'

/** A difference of clocks that stores accept, in milliseconds. */
const CLOCK_MS = 60_000

export const s3Kind = (destination: Tested<'s3'>): ObjectKind => ({
  address: `${new URL(destination.endpoint).host}/${destination.bucket}`,
  async reach(folder, secrets) {
    // Loaded here, so that only processes with an S3 destination have the library in memory.
    const { reachBucket } = await import('./s3-store.ts')
    const reached = await reachBucket({ ...destination, folder }, secrets)
    return { ...reached, notes: () => collectNotes(reached.store, destination) }
  },
  explain: (error, folder) => explained(error, { ...destination, folder }),
})

/** Returns notes on the bucket's abilities. @throws UserError if it cannot lock objects as wanted. */
async function collectNotes(store: S3Store, { name, lockDays }: Tested<'s3'>): Promise<Message[]> {
  const { abilities, client } = store
  const notes: Message[] = []
  notes.push(message((await abilities.isVersioned()) ? 's3.note.versioned' : 's3.note.unversioned', { name }))
  if (!(await abilities.verifies())) notes.push(message('s3.note.readBack', { name }))
  if (lockDays !== null) {
    await store.tryLock(name)
    notes.push(message('s3.note.locks', { count: lockDays }))
  } else if (await abilities.isLocked()) notes.push(message('s3.note.locked', { name }))
  if (!(await abilities.isVersioned()) && !(await abilities.isConditional()))
    notes.push(message('s3.note.unconditional', { name }))
  const skew = Math.abs(client.config.systemClockOffset)
  if (skew > CLOCK_MS) notes.push(message('s3.note.clock', { name, seconds: Math.round(skew / 1000) }))
  await store.remove(store.trial).catch(orIf('denied', undefined))
  return notes
}
