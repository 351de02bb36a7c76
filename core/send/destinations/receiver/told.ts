import type { DirectoryEntry } from '../../../wire/entries.ts'
import { wordsOfFacts } from '../../../wire/facts.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { OutgoingSource } from '../destination.ts'
import { openNews } from '../news.ts'

/** What the receiver was told on this connection. */
export interface Told {
  /** The number by which the receiver knows a source; it is told of one that is new. */
  numberOf(source: OutgoingSource): number
  /** Those directories that are new to the receiver, or not as it was told; they count as told from now on. */
  news(source: OutgoingSource, directories: readonly FoundDirectory[]): DirectoryEntry[]
}

export function openTold(tell: (source: { source: number; id: string; name: string }) => void): Told {
  const numbers = new Map<string, number>()
  const news = openNews()

  const numberOf = ({ id, name }: OutgoingSource): number => {
    const known = numbers.get(id)
    if (known !== undefined) return known
    const number = numbers.size
    numbers.set(id, number)
    tell({ source: number, id, name })
    return number
  }

  return {
    numberOf,
    news: (source, directories) =>
      news(source, directories).map(({ path, facts }) => [numberOf(source), path, wordsOfFacts(facts)]),
  }
}
