import type { StoreLayout } from '../layout.ts'
import type { FileRow, Rows } from '../manifest/rows.ts'
import { lookAgain, placeOf } from '../manifest/rows.ts'
import { withContent } from '../verify/read-digest.ts'
import type { RestoreEvent } from './events.ts'
import type { Put } from './put.ts'
import type { Selected } from './select.ts'
import { selectAgain } from './select.ts'
import type { Wanted } from './wanted.ts'

/** A receiver that runs may replace a content while it is read: it is looked up anew so often. */
const MOST_LOOKS = 3

/**
 * Opens a content and has it put; what has changed meanwhile, as a receiver runs, is looked up anew.
 * @returns what became of it; null: that is told later.
 */
export async function bring(
  layout: StoreLayout,
  rows: Rows,
  { source, row: first }: Extract<Selected, { is: 'file' }>,
  wanted: Wanted,
  isRunning: boolean,
  put: (row: FileRow, fd: number) => Promise<Put | null>,
): Promise<{ put: Put; row: FileRow } | RestoreEvent | null> {
  let row = first
  for (let look = 1; ; look += 1) {
    const found = await bringOne(layout, { source, row }, put)
    const isOdd = found !== null && ('put' in found ? found.put.did === 'damaged' : found.kind === 'missing')
    if (!isOdd || !isRunning || look === MOST_LOOKS) return found
    const { isSame } = await lookAgain(rows, row, !('put' in found))
    const now = isSame ? null : selectAgain(rows, row, wanted)
    if (now === null) return found
    row = now
  }
}

function bringOne(
  layout: StoreLayout,
  { source, row }: Pick<Extract<Selected, { is: 'file' }>, 'source' | 'row'>,
  put: (row: FileRow, fd: number) => Promise<Put | null>,
): Promise<{ put: Put; row: FileRow } | RestoreEvent | null> {
  return withContent(layout.root, placeOf(source, row, layout.versions).join('/'), async (fd) => {
    const done = await put(row, fd)
    return done === null ? null : { put: done, row }
  })
}
