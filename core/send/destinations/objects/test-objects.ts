import { randomUUID } from 'node:crypto'
import { untilAborted } from '../../../lib/async/until-aborted.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { folderName } from '../../../protocol/names.ts'
import { OWN_DIRECTORY } from '../../../store/layout.ts'
import type { DestinationTest } from '../../sender-messages.ts'
import { type ConnectionTest, runConnectionTest, testFile } from '../connection-test.ts'
import type { TryOptions } from '../test-destination.ts'
import { putOwn, readSmall } from './content.ts'
import { orIf, toConnectionTrouble } from './faults.ts'
import { checkOwner } from './folder-owner.ts'
import type { ObjectStore } from './object-store.ts'

/** A kind of store to test. */
export interface TriedKind<S extends ObjectStore> {
  /** The address, for messages. */
  address: string
  /** Connects to the store, and records findings in `found`. @throws UserError, StoreFault. */
  reach(folder: string, found: DestinationTest['found']): Promise<{ store: S }>
  /** Returns notes on the store's abilities, and removes the remains of the test. */
  notes?(store: S): Promise<Message[]>
  /** Returns a clearer error for the one that was thrown, if possible. */
  explain?(error: unknown, folder: string): Promise<unknown>
}

/** Tests a store: its first step includes checking the folder's owner. */
export function testObjects<S extends ObjectStore>(
  destination: { name: string; folder?: string | undefined },
  { address, reach, notes, explain }: TriedKind<S>,
  { identity, name: computer, signal }: TryOptions,
): Promise<DestinationTest> {
  const { name, folder = folderName(computer) } = destination
  const connect = async (found: DestinationTest['found']): Promise<S> => {
    const { store } = await reach(folder, found)
    await checkOwner(store, { folder, at: name, fingerprint: identity.fingerprint }, signal).catch(
      (error) => {
        store.close()
        throw error
      },
    )
    return store
  }
  const run: ConnectionTest['run'] = async (step, found) => {
    const store = await step('connect', () => connect(found))
    try {
      const file = `${folder}/${OWN_DIRECTORY}/test-${randomUUID()}`
      const remove = () => store.remove(file)
      await testFile(name, step, {
        write: (bytes) => putOwn(store, file, bytes, { replace: false }),
        read: (mostBytes) => readSmall(store, file, signal, mostBytes),
        remove,
      })
      // A login that may only add objects cannot destroy existing ones, which is an advantage.
      const isRemoved = await step('remove', remove).then(() => true, orIf('denied', false))
      if (!isRemoved) found.notes.push(message('test.keepsAll'))
      found.durable = store.can.durable
      if (!store.can.durable) found.notes.push(message('transfer.objects.notDurable', { name }))
      found.notes.push(...((await notes?.(store)) ?? []))
      return message(isRemoved ? 'test.works' : 'test.worksKeeping', { name })
    } finally {
      store.close()
    }
  }
  return runConnectionTest({
    name,
    signal,
    run: (step, found) =>
      run(step, found).catch(async (error: unknown) => {
        throw explain === undefined ? error : await untilAborted(signal, explain(error, folder))
      }),
    why: (error) => toConnectionTrouble(error, { name, address }, false).problem,
  })
}
