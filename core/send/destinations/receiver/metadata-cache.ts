import type { DirectoryEntry } from '../../../protocol/entries.ts'
import { encodeMetadata } from '../../../protocol/facts.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { OutgoingSource } from '../destination.ts'

/** The metadata that the receiver got in this session. */
export type Told = ReturnType<typeof openTold>

/** Limit of directories whose metadata are remembered; beyond it they are sent again. */
const MOST = 20_000
/** Limit of directories sent with a group of files; the remaining ones go with later files. */
const AT_ONCE = 128

export function openTold(tell: (source: { source: number; id: string; name: string }) => void) {
  const numbers = new Map<string, number>()
  const facts = new Map<string, string>()

  const getSourceNumber = ({ id, name }: OutgoingSource): number => {
    const known = numbers.get(id)
    if (known !== undefined) return known
    const number = numbers.size
    numbers.set(id, number)
    tell({ source: number, id, name })
    return number
  }

  return {
    /** Returns the number by which the receiver refers to a source; sends it for a new source. */
    getSourceNumber,
    /** Returns the directories that are new to the receiver or have changed, and records them as sent. */
    news(source: OutgoingSource, directories: readonly FoundDirectory[]): DirectoryEntry[] {
      const found: DirectoryEntry[] = []
      for (const { path, facts: now } of directories) {
        if (found.length >= AT_ONCE) break
        const words = encodeMetadata(now)
        const text = JSON.stringify(words)
        const place = `${source.id}/${path}`
        if (facts.get(place) === text) continue
        if (facts.size >= MOST) facts.clear()
        facts.set(place, text)
        found.push([getSourceNumber(source), path, words])
      }
      return found
    },
  }
}
