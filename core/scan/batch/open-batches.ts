import type { Found } from './effects.ts'
import type { MarkingEffects } from './marking.ts'
import { Marking } from './marking.ts'

/** The batch directories of a source that are not marked yet, by their names, and the marking of each. */
export type OpenBatches = ReturnType<typeof createOpenBatches>

/** @param effectsOf one directory; `signal` ends when it is forgotten. */
export function createOpenBatches(effectsOf: (found: Found) => MarkingEffects, quietMs: number) {
  /** `identity`: another one may have taken its name since; see identityOf. */
  const open = new Map<string, { marking: Marking; identity: string; abort: AbortController }>()
  const all = () => [...open].map(([name, { marking }]): [name: string, marking: Marking] => [name, marking])
  return {
    get: (name: string) => open.get(name)?.marking,
    all,
    states: () => new Map(all().map(([name, { state }]) => [name, state])),
    /** Begins with a directory that is not known yet. */
    open(name: string, identity: string): Marking {
      const known = open.get(name)
      if (known !== undefined) return known.marking
      const abort = new AbortController()
      const brought = (files: number) => marking.brought(files)
      const marking = new Marking(effectsOf({ name, identity, signal: abort.signal, brought }), quietMs)
      open.set(name, { marking, identity, abort })
      return marking
    },
    forget(isOver: (name: string, identity: string) => boolean) {
      for (const [name, { marking, identity, abort }] of open) {
        if (!isOver(name, identity)) continue
        marking.stop()
        abort.abort()
        open.delete(name)
      }
    },
  }
}
