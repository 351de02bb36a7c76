import { BackendError } from '../../../core/backends/errors.ts'
import type { ObjectFacts, ObjectInfo, ObjectStore } from '../../../core/backends/objects/object-store.ts'
import { computeDigest } from '../../../core/platform/digest.ts'

interface Stored {
  bytes: Buffer
  info: ObjectInfo
}

/** A store of objects in memory, which keeps whole seconds. `state`: what a test changes in it. */
export function memoryObjects() {
  const objects = new Map<string, Stored>()
  const calls: string[] = []
  const state = {
    /** When the store receives objects, in milliseconds since 1970. */
    now: 1_600_000_000_000,
    /** Throws to let a call fail. */
    before: (_call: string, _name: string): void => undefined,
    space: null as { free: number; total: number } | null,
    /** Unfinished uploads, by their keys. */
    parts: new Map<string, Buffer>(),
  }
  const call = (what: string, name: string) => {
    calls.push(`${what} ${name}`)
    state.before(what, name)
  }
  const kept = (facts: ObjectFacts): ObjectFacts => ({
    ...facts,
    mtimeNs: (facts.mtimeNs / 1_000_000_000n) * 1_000_000_000n,
  })
  const add = (name: string, bytes: Uint8Array, facts: ObjectFacts) =>
    void objects.set(name, {
      bytes: Buffer.from(bytes),
      info: { ...kept(facts), size: bytes.length, name, storedAt: state.now, version: null },
    })
  const store: ObjectStore = {
    can: { parallel: 2, durable: true, dates: true, vanish: false },
    kept,
    async put(name, bytes, facts, { replace }) {
      call('put', name)
      if (typeof replace === 'function' && objects.has(name) && !(await replace())) return
      if (replace === false && objects.has(name)) throw new BackendError('exists', name)
      call('name', name)
      add(name, bytes, facts)
    },
    async begin(name, facts, resume) {
      call('begin', name)
      let bytes = (resume !== null && state.parts.get(resume)) || Buffer.alloc(0)
      return {
        offset: bytes.length,
        async write(more) {
          call('write', name)
          bytes = Buffer.concat([bytes, more])
        },
        async finish(digest, freeName) {
          call('finish', name)
          await freeName?.()
          call('name', name)
          add(name, bytes, { ...facts, digest })
        },
        async abort(keep) {
          call(keep ? 'keep' : 'abort', name)
          if (keep && resume !== null) state.parts.set(resume, bytes)
        },
      }
    },
    async setFacts(name, facts) {
      call('setFacts', name)
      const found = objects.get(name)
      if (found === undefined) throw new BackendError('absent', name)
      Object.assign(found.info, kept(facts), { digest: facts.digest ?? found.info.digest })
    },
    async info(name) {
      call('info', name)
      return objects.get(name)?.info ?? null
    },
    async *read(name, from) {
      call('read', name)
      const found = objects.get(name)
      if (found === undefined) throw new BackendError('absent', name)
      yield found.bytes.subarray(from)
    },
    async setAside(name, to) {
      call('setAside', name)
      const found = objects.get(name)
      if (found === undefined) return false
      objects.delete(name)
      objects.set(to, { ...found, info: { ...found.info, name: to, storedAt: state.now } })
      return true
    },
    versions: async () => [],
    async list(prefix, after, deep) {
      call('list', prefix)
      const below = [...objects.values()].filter(({ info }) => info.name.startsWith(prefix))
      const here = below.filter(({ info }) => deep || !info.name.slice(prefix.length).includes('/'))
      const sorted = here.map(({ info }) => info).sort((a, b) => (a.name < b.name ? -1 : 1))
      return { objects: sorted.filter(({ name }) => name > (after ?? '')), directories: [], next: null }
    },
    async remove(name) {
      call('remove', name)
      objects.delete(name)
    },
    above: async () => null,
    space: async () => state.space,
    sweep: async () => undefined,
    ended: new Promise(() => undefined),
    close: () => void calls.push('close '),
  }
  const list = () => Object.fromEntries([...objects].map(([name, { bytes }]) => [name, String(bytes)]))
  /** Puts an object there as another program would. */
  const place = (name: string, text: string, changes: Partial<ObjectFacts> = {}) => {
    const bytes = Buffer.from(text)
    const facts = { size: bytes.length, mtimeNs: 1_500_000_000_000_000_000n, mode: 0o644 }
    add(name, bytes, { ...facts, digest: computeDigest(bytes), ...changes })
  }
  return { store, state, objects, calls, list, place }
}
