import { WireFault } from '../../protocol/codec.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import type { StoreSource } from '../store.ts'

/** Returns a source that a frame names, by its number. */
export type SourceLookup = (number: number) => StoreSource

function known<T>(all: ReadonlyMap<number, T>, number: number): T {
  const one = all.get(number)
  if (one === undefined) throw new WireFault(`source ${number} was not declared`)
  return one
}

/** Manages the sources of one session, by the numbers that its sender has assigned. */
export function openSources(openSource: (id: string, name: string) => Promise<StoreSource>) {
  const declared = new Map<number, { id: string; name: string }>()

  const findAll = async (named: ReadonlyMap<number, { id: string; name: string }>): Promise<SourceLookup> => {
    const finding = [...named].map(
      async ([number, { id, name }]) => [number, await openSource(id, name)] as const,
    )
    const found = new Map(await Promise.all(finding))
    return (number) => known(found, number)
  }

  return {
    /** @throws WireFault if the number is in use */
    declare({ source, id, name }: FrameHeader<'source'>): void {
      if (declared.has(source)) throw new WireFault(`source ${source} is declared already`)
      declared.set(source, { id, name })
    },
    /**
     * Finds sources by their numbers. Rejects with the system's error if a source's directory cannot be found: then no
     * file of the frame can be stored.
     * @throws WireFault at once if a source was not declared
     */
    find(numbers: Iterable<number>): Promise<SourceLookup> {
      return findAll(new Map([...numbers].map((number) => [number, known(declared, number)])))
    },
    getName: (number: number): string => declared.get(number)?.name ?? '',
  }
}
