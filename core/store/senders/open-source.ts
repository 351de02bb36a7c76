import type { Store, StoreSource } from '../store.ts'
import type { Senders } from './senders.ts'

/**
 * Returns the store's source for a sender's id and name. A new one needs room, and is recorded before this resolves.
 * @param signal aborted when the session that has named it is over.
 * @throws see `Senders.sourceDirectory`; system errors
 */
export async function openSource(
  { store, senders }: { store: Store; senders: Senders },
  folder: string,
  { id, name, signal }: { id: string; name: string; signal: AbortSignal },
): Promise<StoreSource> {
  const admit = (sources: number) => store.admitSource(folder, sources)
  return store.source(folder, await senders.sourceDirectory(folder, id, name, { admit, signal }))
}
