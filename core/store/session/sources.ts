import { WireFault } from '../../wire/codec.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import type { StoreSource } from '../store.ts'

/** The sources that a frame names. */
export interface Found {
  /** null: nothing can be stored there now, as `failure` says. */
  of(number: number): StoreSource | null
  failure: unknown
}

/** The sources of one session, by the numbers that its sender has given them. */
export function openSources(sourceOf: (id: string, name: string) => Promise<StoreSource>) {
  const declared = new Map<number, { id: string; name: string }>()

  const findAll = async (named: readonly { number: number; id: string; name: string }[]): Promise<Found> => {
    const found = new Map<number, StoreSource>()
    let failure: unknown = null
    const find = async ({ number, id, name }: (typeof named)[number]) => {
      try {
        found.set(number, await sourceOf(id, name))
      } catch (thrown) {
        failure = thrown
      }
    }
    await Promise.all(named.map(find))
    return { of: (number) => found.get(number) ?? null, failure }
  }

  return {
    /** @throws WireFault where the number is taken. */
    declare({ source, id, name }: FrameHeader<'source'>): void {
      if (declared.has(source)) throw new WireFault(`source ${source} is declared already`)
      declared.set(source, { id, name })
    },
    /** @throws WireFault where one was not declared, at once. */
    find(numbers: Iterable<number>): Promise<Found> {
      const named = [...new Set(numbers)].map((number) => {
        const one = declared.get(number)
        if (one === undefined) throw new WireFault(`source ${number} was not declared`)
        return { number, ...one }
      })
      return findAll(named)
    },
    nameOf: (number: number): string => declared.get(number)?.name ?? '',
  }
}
