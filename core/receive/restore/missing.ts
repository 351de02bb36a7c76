import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { Rows } from '../manifest/rows.ts'

const ROWS = 1_000

/**
 * What the manifest says is in its place, as this origin or below it, and the disk does not have: as components below
 * the store's root.
 *
 * @param looked is called with every row: a million of them are looked at, and nothing may be missing.
 */
export async function* missingContents(
  root: string,
  rows: Pick<Rows, 'after'>,
  origin: readonly string[],
  looked: () => void,
): AsyncGenerator<string[]> {
  const [folder = ''] = origin
  const wanted = origin.join('/')
  let after = { folder, path: '', version: '' }
  for (;;) {
    const page = rows.after(after, ROWS)
    for (const row of page) {
      // They come in the order of the folders.
      if (folder !== '' && row.folder !== folder) return
      const place = `${row.folder}/${row.path}`
      const isWanted = wanted === '' || place === wanted || place.startsWith(`${wanted}/`)
      if (row.version === '' && isWanted && !(await isThere(path.join(root, place)))) yield place.split('/')
      looked()
    }
    const last = page.at(-1)
    if (last === undefined || page.length < ROWS) return
    after = last
  }
}

/** What cannot be looked at, or is neither a file nor a directory, was told when the tree was gone through. */
async function isThere(file: string): Promise<boolean> {
  try {
    return !(await lstat(file)).isDirectory()
  } catch (thrown) {
    return !isGone(errorCode(thrown))
  }
}
