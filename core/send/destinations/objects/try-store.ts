import { randomBytes, randomUUID } from 'node:crypto'
import type { DoStep } from '../trial.ts'
import { putOwn, readSmall } from './content.ts'
import type { ObjectStore } from './object-store.ts'
import { StoreFault } from './object-store.ts'

const BYTES = 1_000

/**
 * The steps after "connect" of a store's test: a small file is written, read back, compared, and removed.
 * @param prefix of the names in the store that are Holdfast's own, with "/" at its end.
 * @throws StoreFault
 */
export async function tryStore(
  store: ObjectStore,
  prefix: string,
  step: DoStep,
  signal: AbortSignal,
): Promise<void> {
  const name = `${prefix}test-${randomUUID()}`
  const bytes = randomBytes(BYTES)
  await step('write', () => putOwn(store, name, bytes, { replace: false }))
  try {
    await step('read', async () => {
      if (!(await readSmall(store, name, signal, BYTES)).equals(bytes))
        throw new StoreFault('damaged', 'what was read is not what was written')
    })
  } catch (thrown) {
    await store.remove(name).catch(() => undefined)
    throw thrown
  }
  await step('remove', () => store.remove(name))
}
