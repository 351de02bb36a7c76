import type { Outcome } from '../file-refused.ts'
import type { Store } from './store.ts'

/** Tells how long each file took, in seconds, from its last byte to its being durable. */
export function timedStore(store: Store, onDurable: (seconds: number) => void): Store {
  const tell = (outcome: Outcome, began: number) => {
    if (outcome.status === 'durable' || outcome.status === 'same')
      onDurable((performance.now() - began) / 1000)
  }
  const timed = async (work: Promise<Outcome>): Promise<Outcome> => {
    const began = performance.now()
    const outcome = await work
    tell(outcome, began)
    return outcome
  }
  return {
    ...store,
    receive: (...file) => timed(store.receive(...file)),
    receiveAll(files, events) {
      const began = performance.now()
      store.receiveAll(files, {
        ...events,
        onStored(index, outcome) {
          tell(outcome, began)
          events.onStored(index, outcome)
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
        finish: (digest) => timed(incoming.finish(digest)),
        abort: (keep) => incoming.abort(keep),
      }
    },
  }
}
