import type { Message } from '../../lib/i18n/message.ts'

/** Limit of problems in a source's status. */
export const MAX_PROBLEMS = 20

/**
 * The newest problems of one source, without duplicates. A listing of the whole source is a sweep: problems that it
 * does not meet again are removed.
 */
export class Problems {
  readonly #known = new Map<string, { message: Message; generation: number }>()
  readonly #changed: () => void
  #generation = 0

  constructor(changed: () => void) {
    this.#changed = changed
  }

  add(message: Message): void {
    const key = getKey(message)
    const known = this.#known.get(key)
    const same = known !== undefined && JSON.stringify(known.message) === JSON.stringify(message)
    if (known !== undefined && !same) this.#known.delete(key)
    this.#known.set(key, { message, generation: this.#generation })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_PROBLEMS) break
      this.#known.delete(oldest)
    }
    if (!same) this.#changed()
  }

  /** Removes a resolved problem before the next sweep. */
  remove(message: Message): void {
    if (this.#known.delete(getKey(message))) this.#changed()
  }

  /** Begins a listing of the whole source; returns the function that ends it and removes problems not met again. */
  sweep(): () => void {
    this.#generation += 1
    const generation = this.#generation
    return () => {
      const before = this.#known.size
      for (const [key, problem] of this.#known) {
        if (problem.generation < generation) this.#known.delete(key)
      }
      if (this.#known.size !== before) this.#changed()
    }
  }

  clear(): void {
    if (this.#known.size === 0) return
    this.#known.clear()
    this.#changed()
  }

  /** Lists the problems, newest last. */
  list(): Message[] {
    return [...this.#known.values()].map(({ message }) => message)
  }
}

function getKey({ key, params }: Message): string {
  return JSON.stringify([key, params.path ?? params.name ?? ''])
}
