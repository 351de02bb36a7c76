import type { Found } from './effects.ts'
import type { MarkingEffects } from './marking.ts'
import { Marking } from './marking.ts'

/** A batch directory that is not marked yet. */
interface Open {
  marking: Marking
  /** Another one may have taken its name since; see identityOf. */
  identity: string
  abort: AbortController
}

/** The batch directories of a source that are not marked yet, by their names, and the marking of each. */
export class OpenBatches {
  readonly #effects: (found: Found) => MarkingEffects
  readonly #quietMs: number
  readonly #open = new Map<string, Open>()

  /** @param effects of one directory; `signal` ends when it is forgotten. */
  constructor(effects: (found: Found) => MarkingEffects, quietMs: number) {
    this.#effects = effects
    this.#quietMs = quietMs
  }

  get(name: string): Marking | undefined {
    return this.#open.get(name)?.marking
  }

  all(): [name: string, marking: Marking][] {
    return [...this.#open].map(([name, { marking }]) => [name, marking])
  }

  states(): Map<string, Marking['state']> {
    return new Map(this.all().map(([name, { state }]) => [name, state]))
  }

  /** Begins with a directory that is not known yet. */
  open(name: string, identity: string): Marking {
    const known = this.get(name)
    if (known !== undefined) return known
    const abort = new AbortController()
    const brought = (files: number) => marking.brought(files)
    const effects = this.#effects({ name, identity, signal: abort.signal, brought })
    const marking = new Marking(effects, this.#quietMs)
    this.#open.set(name, { marking, identity, abort })
    return marking
  }

  forget(isOver: (name: string, identity: string) => boolean): void {
    for (const [name, { marking, identity, abort }] of this.#open) {
      if (!isOver(name, identity)) continue
      marking.stop()
      abort.abort()
      this.#open.delete(name)
    }
  }
}
