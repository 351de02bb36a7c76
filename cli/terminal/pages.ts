import { jsonText } from './json.ts'
import { translate } from './terminal-words.ts'

interface Page<Entry, Cursor> {
  entries: readonly Entry[]
  /** The place after the last entry; null: there are no more. */
  next: Cursor | null
}

interface Printed<Entry> {
  most: number
  /** Prints a JSON object a line. */
  json: boolean | undefined
  format(entry: Entry): readonly string[]
  /** The text instead of an empty list. */
  none: Parameters<typeof translate>[0]
}

/** Limit of the entries of one page. */
const PAGE = 100

/** Prints entries of a list that is read page by page. */
export async function printPages<Entry, Cursor>(
  ask: (part: { before: Cursor | null; most: number }) => Promise<Page<Entry, Cursor>>,
  { most, json = false, format, none }: Printed<Entry>,
): Promise<void> {
  let before: Cursor | null = null
  let left = most
  do {
    const page: Page<Entry, Cursor> = await ask({ before, most: Math.min(PAGE, left) })
    for (const entry of page.entries)
      for (const line of json ? [jsonText(entry)] : format(entry)) console.log(line)
    left -= page.entries.length
    before = page.next
  } while (before !== null && left > 0)
  if (left === most && !json) console.log(translate(none))
}
