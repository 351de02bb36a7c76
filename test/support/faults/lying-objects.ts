import type { ObjectFacts, ObjectInfo, ObjectStore } from '../../../core/backends/objects/object-store.ts'

export interface LyingObject {
  name: string
  bytes?: Buffer
  /** What the store says of it; by default the truth. */
  says?: Partial<ObjectInfo>
  /** Its body, if that is another one. */
  body?: () => AsyncIterable<Uint8Array>
}

const refuse = async (): Promise<never> => {
  throw new Error('this store is only read')
}

/** A store of objects that says and gives whatever it is told to; pages of 1,000. */
export function lyingObjects(objects: Iterable<LyingObject>): ObjectStore {
  const toObjectInfo = ({ name, bytes = Buffer.alloc(0), says = {} }: LyingObject): ObjectInfo => ({
    ...{ name, size: bytes.length, mtimeNs: 1_600_000_000_000_000_000n, mode: 0o644, digest: null },
    ...{ storedAt: 1_600_000_000_000, version: null },
    ...says,
  })
  const listings = new Map<string, Iterator<LyingObject>>()
  const known = new Map<string, LyingObject>()
  let cursors = 0
  return {
    can: { parallel: 8, durable: true, dates: true, vanish: false },
    ...{
      kept: (facts: ObjectFacts) => facts,
      setFacts: refuse,
      put: refuse,
      begin: refuse,
      setAside: refuse,
      remove: refuse,
      sweep: refuse,
    },
    async info(name) {
      const found = known.get(name) ?? [...objects].find((one) => one.name === name)
      return found === undefined ? null : toObjectInfo(found)
    },
    async *read(name) {
      const found = known.get(name)
      if (found?.body !== undefined) yield* found.body()
      else yield found?.bytes ?? Buffer.alloc(0)
    },
    versions: async () => [],
    above: async () => null,
    async list(prefix, after, deep) {
      if (!deep) return { objects: [], directories: [`${prefix}data/`, `${prefix}../`], next: null }
      const listing = (after === null ? undefined : listings.get(after)) ?? objects[Symbol.iterator]()
      const page: ObjectInfo[] = []
      while (page.length < 1000) {
        const { value, done } = listing.next()
        if (done === true) return { objects: page, directories: [], next: null }
        if (value.bytes !== undefined || value.body !== undefined) known.set(value.name, value)
        page.push(toObjectInfo(value))
      }
      cursors += 1
      listings.set(String(cursors), listing)
      if (after !== null) listings.delete(after)
      return { objects: page, directories: [], next: String(cursors) }
    },
    ended: new Promise(() => undefined),
    close: () => undefined,
  }
}
