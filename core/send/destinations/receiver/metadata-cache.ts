import type { DirectoryEntry } from '../../../protocol/entries.ts'
import { wordsOfFacts } from '../../../protocol/facts.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { OutgoingSource } from '../destination.ts'

/** What the receiver was told in this session. */
export type Told = ReturnType<typeof openTold>

/** Directories whose facts are remembered; beyond it they are told anew. */
const MOST = 20_000
/** With some files; those beyond are told with others. */
const AT_ONCE = 128

export function openTold(tell: (source: { source: number; id: string; name: string }) => void) {
  const numbers = new Map<string, number>()
  const facts = new Map<string, string>()

  const numberOf = ({ id, name }: OutgoingSource): number => {
    const known = numbers.get(id)
    if (known !== undefined) return known
    const number = numbers.size
    numbers.set(id, number)
    tell({ source: number, id, name })
    return number
  }

  return {
    /** The number by which the receiver knows a source; it is told of one that is new. */
    numberOf,
    /** Those directories that are new to the receiver, or not as it was told; they count as told from now on. */
    news(source: OutgoingSource, directories: readonly FoundDirectory[]): DirectoryEntry[] {
      const found: DirectoryEntry[] = []
      for (const { path, facts: now } of directories) {
        if (found.length >= AT_ONCE) break
        const words = wordsOfFacts(now)
        const text = JSON.stringify(words)
        const place = `${source.id}/${path}`
        if (facts.get(place) === text) continue
        if (facts.size >= MOST) facts.clear()
        facts.set(place, text)
        found.push([numberOf(source), path, words])
      }
      return found
    },
  }
}
