import type { DirectoryEntry } from '../../../wire/entries.ts'
import { wordsOfFacts } from '../../../wire/facts.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { OutgoingSource } from '../destination.ts'

/** Directories whose facts are remembered; beyond it they are told anew. */
const MOST = 20_000
/** Of one frame's files; those beyond are told with others. */
const AT_ONCE = 128

/** What the receiver was told on this connection. */
export interface Told {
  /** The number by which the receiver knows a source; it is told of one that is new. */
  numberOf(source: OutgoingSource): number
  /** Those directories that are new to the receiver, or not as it was told; they count as told from now on. */
  news(source: OutgoingSource, directories: readonly FoundDirectory[]): FoundDirectory[]
  entriesOf(source: OutgoingSource, directories: readonly FoundDirectory[]): DirectoryEntry[]
}

export function openTold(tell: (source: { source: number; id: string; name: string }) => void): Told {
  const told = new Map<string, string>()
  const numbers = new Map<string, number>()

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
    news({ id }, directories) {
      const found: FoundDirectory[] = []
      for (const directory of directories) {
        if (found.length >= AT_ONCE) break
        const { path, facts } = directory
        const { mtimeNs, mode, user, group, more } = facts
        const attributes = more?.attributes === undefined ? '' : JSON.stringify(more.attributes)
        const now = `${mtimeNs} ${mode} ${user} ${group} ${attributes}`
        const place = `${id}/${path}`
        if (told.get(place) === now) continue
        if (told.size >= MOST) told.clear()
        told.set(place, now)
        found.push(directory)
      }
      return found
    },
    entriesOf: (source, directories) =>
      directories.map(({ path, facts }) => [numberOf(source), path, wordsOfFacts(facts)]),
  }
}
