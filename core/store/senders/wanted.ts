import type { Store } from '../store.ts'
import type { Senders } from './senders.ts'

/** What a sender is to offer again, page by page: a source's id, and a path. What belongs to no source is left out. */
export async function* wantedOf(
  store: Pick<Store, 'wanted'>,
  senders: Pick<Senders, 'sourceIn'>,
  folder: string,
): AsyncGenerator<[source: string, path: string][]> {
  for (let after = 0; ; ) {
    const found = await store.wanted(folder, after)
    if (found.length === 0) return
    after += found.length
    yield found.flatMap(({ directory, path }): [string, string][] => {
      const id = senders.sourceIn(folder, directory)
      return id === null ? [] : [[id, path]]
    })
  }
}
