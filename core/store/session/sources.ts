import { WireFault } from '../../protocol/codec.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import type { StoreSource } from '../store.ts'

/** The sources that a frame names, by their numbers. */
export type SourceLookup = (number: number) => StoreSource

function known<T>(all: ReadonlyMap<number, T>, number: number): T {
  const one = all.get(number)
  if (one === undefined) throw new WireFault(`source ${number} was not declared`)
  return one
}

/** The sources of one session, by the numbers that its sender has given them. */
export function openSources(sourceOf: (id: string, name: string) => Promise<StoreSource>) {
  const declared = new Map<number, { id: string; name: string }>()

  const findAll = async (named: ReadonlyMap<number, { id: string; name: string }>): Promise<SourceLookup> => {
    const finding = [...named].map(
      async ([number, { id, name }]) => [number, await sourceOf(id, name)] as const,
    )
    const found = new Map(await Promise.all(finding))
    return (number) => known(found, number)
  }

  return {
    /** @throws WireFault where the number is taken. */
    declare({ source, id, name }: FrameHeader<'source'>): void {
      if (declared.has(source)) throw new WireFault(`source ${source} is declared already`)
      declared.set(source, { id, name })
    },
    /**
     * Rejects with what the system says where one of them has no directory: then nothing of the frame can be stored.
     * @throws WireFault where one was not declared, at once.
     */
    find(numbers: Iterable<number>): Promise<SourceLookup> {
      return findAll(new Map([...numbers].map((number) => [number, known(declared, number)])))
    },
    nameOf: (number: number): string => declared.get(number)?.name ?? '',
  }
}
