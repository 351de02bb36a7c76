import type { JournalEnd } from './journal.ts'
import { isWithin, isWrittenBy } from './journal.ts'
import type { Note } from './notes.ts'
import type { Totals } from './rows.ts'

/** Records that are told apart; where there are more, each two that are neighbours become one. */
const MOST_RECORDS = 1024

/** What each sender has in the store: what the manifest says, and what was recorded after it. */
export interface Usage {
  of(folder: string): Totals
  /** Counts what is about to be written into the journal; the record's number. */
  recorded(notes: readonly Note[]): number
  /** The journal holds all records up to this one, and ends here. */
  written(number: number, end: JournalEnd): void
  /** The manifest says this, and has taken in the journal as far as `upTo`; null: nothing of it. */
  settled(figures: readonly ({ folder: string } & Totals)[], upTo: JournalEnd | null): void
}

const add = (totals: Map<string, Totals>, folder: string, { files, bytes }: Totals) => {
  const before = totals.get(folder) ?? { files: 0, bytes: 0 }
  totals.set(folder, { files: before.files + files, bytes: before.bytes + bytes })
}

/** Some that were written one after the other. */
interface Records {
  /** The last one's. */
  number: number
  added: Map<string, Totals>
  /** Where the journal ended with the last one; null: it is not known to hold it. */
  end: JournalEnd | null
}

function joined(one: Records, next: Records | undefined): Records {
  if (next === undefined) return one
  const added = new Map(one.added)
  for (const [folder, more] of next.added) add(added, folder, more)
  return { ...next, added }
}

const halved = (records: readonly Records[]): Records[] =>
  records.flatMap((one, index) => (index % 2 === 0 ? [joined(one, records[index + 1])] : []))

/**
 * Figures of a moment that is over are of use, too: while files come without a pause there are no others.
 *
 * @param tag of the journal that holds the records: what an earlier one held is no measure for them.
 */
export function createUsage(tag: string): Usage {
  let totals = new Map<string, Totals>()
  /** Those that the figures are not known to contain, and what each of them adds. */
  let records: Records[] = []
  let last = 0

  return {
    of: (folder) => totals.get(folder) ?? { files: 0, bytes: 0 },
    recorded(notes) {
      last += 1
      const added = new Map<string, Totals>()
      for (const note of notes) {
        if (note.did !== 'placed' || note.again) continue
        const one = { files: 1, bytes: note.size }
        add(added, note.folder, one)
        add(totals, note.folder, one)
      }
      if (records.length >= MOST_RECORDS) records = halved(records)
      records.push({ number: last, added, end: null })
      return last
    },
    written(number, end) {
      // Of several that became one the last tells: it is written after the others.
      const record = records.findLast((one) => one.number === number)
      if (record !== undefined) record.end = end
    },
    settled(figures, upTo) {
      const isTakenIn = ({ end }: Records) =>
        upTo !== null && end !== null && isWrittenBy(tag, upTo.name) && isWithin(end, upTo)
      // What could not be written at first was written with what came next.
      records = records.slice(records.findLastIndex(isTakenIn) + 1)
      totals = new Map(figures.map(({ folder, files, bytes }) => [folder, { files, bytes }]))
      for (const { added } of records) for (const [folder, more] of added) add(totals, folder, more)
    },
  }
}
