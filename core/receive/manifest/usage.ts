import type { JournalEnd } from './journal.ts'
import { isWithin, isWrittenBy } from './journal.ts'
import type { Note } from './notes.ts'
import type { Totals } from './rows.ts'

/** Records that are told apart; the next ones are taken for one with the last of them. */
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

/**
 * Figures of a moment that is over are of use, too: while files come without a pause there are no others.
 *
 * @param tag of the journal that holds the records: what an earlier one held is no measure for them.
 */
export function createUsage(tag: string): Usage {
  let totals = new Map<string, Totals>()
  /** Those that the figures are not known to contain, and what each of them adds. */
  let records: { number: number; added: Map<string, Totals> }[] = []
  let ends: { number: number; end: JournalEnd }[] = []
  let last = 0

  const latest = () => {
    const record = records.length < MOST_RECORDS ? undefined : records.at(-1)
    if (record !== undefined) return record
    const next = { number: last, added: new Map<string, Totals>() }
    records.push(next)
    return next
  }

  return {
    of: (folder) => totals.get(folder) ?? { files: 0, bytes: 0 },
    recorded(notes) {
      last += 1
      const record = latest()
      record.number = last
      for (const note of notes) {
        if (note.did !== 'placed' || note.again) continue
        const one = { files: 1, bytes: note.size }
        add(record.added, note.folder, one)
        add(totals, note.folder, one)
      }
      return last
    },
    written(number, end) {
      if (ends.length >= MOST_RECORDS) ends.pop()
      ends.push({ number, end })
    },
    settled(figures, upTo) {
      const isOurs = upTo !== null && isWrittenBy(tag, upTo.name)
      const taken = isOurs ? ends.findLast(({ end }) => isWithin(end, upTo)) : undefined
      const number = taken?.number ?? 0
      ends = ends.filter((one) => one.number > number)
      records = records.filter((one) => one.number > number)
      totals = new Map(figures.map(({ folder, files, bytes }) => [folder, { files, bytes }]))
      for (const { added } of records) for (const [folder, more] of added) add(totals, folder, more)
    },
  }
}
