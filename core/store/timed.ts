import type { Outcome } from './outcome.ts'
import type { Store, Stored } from './store.ts'

/** Tells how long each file took, in seconds, from its last byte to its being durable. */
export function timedStore(store: Store, onDurable: (seconds: number) => void): Store {
  const tell = ({ status }: Outcome, began: number) => {
    if (status === 'durable' || status === 'same') onDurable((performance.now() - began) / 1000)
  }
  return {
    ...store,
    async receive(file) {
      const began = performance.now()
      const outcome = await store.receive(file)
      tell(outcome, began)
      return outcome
    },
    receiveAll(files, events) {
      const began = performance.now()
      store.receiveAll(files, {
        ...events,
        onStored(index, outcome, position) {
          tell(outcome, began)
          events.onStored(index, outcome, position)
        },
      })
    },
    begin(...file) {
      const incoming = store.begin(...file)
      return {
        offset: incoming.offset,
        get refused() {
          return incoming.refused
        },
        write: (bytes) => incoming.write(bytes),
        async finish(digest): Promise<Stored> {
          const began = performance.now()
          const stored = await incoming.finish(digest)
          tell(stored.outcome, began)
          return stored
        },
        abort: (keep) => incoming.abort(keep),
      }
    },
  }
}
