import type { Checked } from '../messages.ts'
import { type Columns, emptyColumns, tagOf } from './packing.ts'

/**
 * Checks that wait to be written; at 1,000 a second, 100 seconds of them in 2 MB. Those that find it full are lost,
 * and counted.
 */
export const MOST_WAITING = 100_000

export interface CheckBuffer {
  add(checked: Pick<Checked, 'id' | 'at' | 'delayMs' | 'overall'>): void
  /** What waits, and the ids of the paths that no batch named before; null: nothing waits. */
  take(): { names: string[]; checks: Columns } | null
  waiting(): number
  /** How many were lost since this was last asked. */
  takeLost(): number
  /** The next batch names all its paths anew: there is another thread. */
  forgetNames(): void
}

export function createCheckBuffer(most: number = MOST_WAITING): CheckBuffer {
  let numbers = new Map<string, number>()
  let names: string[] = []
  let waiting = emptyColumns(256)
  let lost = 0

  const numberOf = (id: string): number => {
    const known = numbers.get(id)
    if (known !== undefined) return known
    const number = numbers.size
    numbers.set(id, number)
    names.push(id)
    return number
  }

  return {
    add: ({ id, at, delayMs, overall }) => {
      if (waiting.count >= most) {
        lost += 1
        return
      }
      if (waiting.count === waiting.paths.length) waiting = larger(waiting, most)
      waiting.paths[waiting.count] = numberOf(id)
      waiting.at[waiting.count] = Math.round(at)
      waiting.tags[waiting.count] = tagOf(overall.kind, delayMs)
      waiting.count += 1
    },
    take: () => {
      if (waiting.count === 0) return null
      const { count } = waiting
      const taken = {
        names,
        checks: {
          count,
          paths: waiting.paths.slice(0, count),
          at: waiting.at.slice(0, count),
          tags: waiting.tags.slice(0, count),
        },
      }
      names = []
      waiting.count = 0
      return taken
    },
    waiting: () => waiting.count,
    takeLost: () => {
      const told = lost
      lost = 0
      return told
    },
    forgetNames: () => {
      // What waits is named by the old numbers, which are of no use any more.
      lost += waiting.count
      waiting.count = 0
      numbers = new Map()
      names = []
    },
  }
}

function larger(columns: Columns, most: number): Columns {
  const grown = emptyColumns(Math.min(most, columns.paths.length * 2))
  grown.count = columns.count
  grown.paths.set(columns.paths)
  grown.at.set(columns.at)
  grown.tags.set(columns.tags)
  return grown
}
