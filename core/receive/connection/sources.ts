import type { StoreSource } from '../../store/store.ts'
import { WireFault } from '../../wire/codec.ts'
import type { FrameHeader } from '../../wire/frames.ts'

interface Declared {
  id: string
  name: string
  /** null: it could not be found; it is looked for anew when it is asked for again. */
  source: Promise<StoreSource> | null
  /** null: it is not known yet. */
  now: StoreSource | null
}

/** The sources of one connection, by the numbers that its sender has given them. */
export function openSources(sourceOf: (id: string, name: string) => Promise<StoreSource>) {
  const declared = new Map<number, Declared>()
  const declaredOf = (number: number): Declared => {
    const one = declared.get(number)
    if (one === undefined) throw new WireFault(`source ${number} was not declared`)
    return one
  }
  const find = (one: Declared): Promise<StoreSource> => {
    const source = sourceOf(one.id, one.name)
    one.source = source
    source.then(
      (found) => {
        one.now = found
      },
      // Whoever asks for it hears why.
      () => {
        one.source = null
      },
    )
    return source
  }
  return {
    /** @throws WireFault where the number is taken. */
    declare({ source, id, name }: FrameHeader<'source'>): void {
      if (declared.has(source)) throw new WireFault(`source ${source} is declared already`)
      const one: Declared = { id, name, source: null, now: null }
      declared.set(source, one)
      void find(one)
    },
    /** @throws WireFault where nothing was declared; rejects where it cannot be stored now. */
    of(number: number): Promise<StoreSource> {
      const one = declaredOf(number)
      return one.source ?? find(one)
    },
    /** null: it has to be waited for. @throws WireFault where nothing was declared. */
    now: (number: number): StoreSource | null => declaredOf(number).now,
    nameOf: (number: number): string => declared.get(number)?.name ?? '',
  }
}
