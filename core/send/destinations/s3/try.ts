import { untilAborted } from '../../../pacing/until-aborted.ts'
import { folderName } from '../../../wire/names.ts'
import type { Message } from '../../../words/message.ts'
import { message } from '../../../words/message.ts'
import { Problem } from '../../../words/problem.ts'
import type { DestinationTest } from '../../messages.ts'
import { troubleOf } from '../objects/faults.ts'
import { ownerFile, readOwner } from '../objects/owner.ts'
import { tryStore } from '../objects/try-store.ts'
import { trial } from '../trial.ts'
import type { Tested, TryOptions } from '../try.ts'
import type { S3Target } from './reach.ts'
import type { S3Store } from './store.ts'

/** A difference of clocks that a store does not mind, in milliseconds. */
const CLOCK_MS = 60_000

export function tryS3(
  destination: Tested<'s3'>,
  { identity, name: computer, secrets, signal }: TryOptions,
): Promise<DestinationTest> {
  const { name } = destination
  const target: S3Target = { ...destination, folder: destination.folder ?? folderName(computer) }
  return trial({
    name,
    signal,
    async run(step, found) {
      const { askBucket, openTarget } = await import('./reach.ts')
      const { explained } = await import('./trouble.ts')
      const store = openTarget(target, secrets)
      try {
        await step('connect', async () => {
          await askBucket(store, target)
          const owner = await readOwner(store, target.folder, name, signal)
          if (owner === null || owner.fingerprint === identity.fingerprint) return
          const whose = { folder: target.folder, computer: owner.computer, file: ownerFile(target.folder) }
          throw new Problem('transfer.objects.foreign', { name, ...whose })
        })
        await tryStore(store, `${target.folder}/.holdfast/`, step, signal)
        found.durable = true
        found.notes = await notesOf(store, name)
        await store.remove(store.trial)
        return message('test.works', { name })
      } catch (thrown) {
        const why = await untilAborted(signal, explained(thrown, target))
        const shown = why instanceof Problem ? why.sentence.params.fingerprint : undefined
        if (typeof shown === 'string') found.certificate = shown
        throw why
      } finally {
        store.close()
      }
    },
    why(thrown) {
      const address = new URL(target.endpoint).host
      return troubleOf(thrown, { name, address }, false).problem
    },
  })
}

/** What the bucket can do, for people. */
async function notesOf({ abilities, client }: S3Store, name: string): Promise<Message[]> {
  const notes: Message[] = []
  notes.push(message((await abilities.isVersioned()) ? 's3.note.versioned' : 's3.note.unversioned', { name }))
  if (!(await abilities.verifies())) notes.push(message('s3.note.readBack', { name }))
  if (await abilities.isLocked()) notes.push(message('s3.note.locked', { name }))
  if (!(await abilities.isVersioned()) && !(await abilities.isConditional()))
    notes.push(message('s3.note.unconditional', { name }))
  const skew = Math.abs(client.config.systemClockOffset)
  if (skew > CLOCK_MS) notes.push(message('s3.note.clock', { name, seconds: Math.round(skew / 1000) }))
  return notes
}
