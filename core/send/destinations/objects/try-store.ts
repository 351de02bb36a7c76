import { randomBytes, randomUUID } from 'node:crypto'
import { createHasher } from '../../../files/digest.ts'
import type { DoStep } from '../trial.ts'
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
  const hasher = createHasher()
  hasher.update(bytes)
  const facts = {
    size: BYTES,
    mtimeNs: BigInt(Date.now()) * 1_000_000n,
    mode: 0o600,
    digest: hasher.digest(),
  }
  await step('write', () => store.put(name, bytes, facts, { replace: false }))
  try {
    await step('read', async () => {
      const pieces: Uint8Array[] = []
      let length = 0
      for await (const piece of store.read(name, 0, signal)) {
        length += piece.length
        if (length > BYTES) break
        pieces.push(piece)
      }
      if (!Buffer.concat(pieces).equals(bytes))
        throw new StoreFault('damaged', 'what was read is not what was written')
    })
  } catch (thrown) {
    await store.remove(name).catch(() => undefined)
    throw thrown
  }
  await step('remove', () => store.remove(name))
}
