import { lstat } from 'node:fs/promises'
import pathTo from 'node:path'
import { digestKindOf } from '../../files/digest.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import type { ManifestRow, RowKey, Rows } from '../manifest/rows.ts'
import { placeOf } from '../manifest/rows.ts'
import type { Finding } from './findings.ts'
import { NotAFile, readDigest } from './read-digest.ts'
import type { Settle } from './settling.ts'

const PAGE_ROWS = 200
/** Findings that wait for the manifest together, and how long the first of them may, in milliseconds. */
const MOST_SUSPECTS = 10_000
const SUSPECTED_MS = 10_000
/** A file may be replaced again and again while it is looked at. */
const MOST_LOOKS = 3
const SAME_TIME_MS = 1

type Unplaced<T> = T extends unknown ? Omit<T, 'place'> : never
type RowFinding = Unplaced<Finding>

export interface RowChecks {
  say(finding: Finding): Promise<void>
  /** So many bytes of a file were read. */
  advance(bytes: number): void
  checked(row: ManifestRow): void
}

/** A row that its file is not like. */
interface Suspect {
  row: ManifestRow
  /** When that may have come about, at the latest; milliseconds since 1970. */
  changedAt: number
  looks: number
}

const isSameContent = (one: ManifestRow, other: ManifestRow) =>
  one.digest === other.digest && one.size === other.size && one.mtimeMs === other.mtimeMs

/**
 * Compares what the manifest knows, in its order, with the files.
 * @param settle waits for a receiver that runs beside; null: none does.
 */
export async function checkRows(
  layout: StoreLayout,
  rows: Rows,
  settle: Settle | null,
  { say, advance, checked }: RowChecks,
): Promise<void> {
  let suspects: Suspect[] = []
  let suspectedAt = 0
  const tell = (row: ManifestRow, finding: RowFinding) =>
    say({ place: placeOf(layout, row).join('/'), ...finding })

  const suspect = async (row: ManifestRow, looks: number) => {
    if (suspects.length === 0) suspectedAt = performance.now()
    suspects.push({ row, changedAt: await changedAtOf(layout, row), looks })
  }

  /** One wait for all of them: then each row says what the receiver had to do with it. */
  const judge = async (wait: Settle) => {
    const judged = suspects
    suspects = []
    await wait(judged.reduce((latest, { changedAt }) => Math.max(latest, changedAt), 0))
    for (const { row, looks } of judged) {
      const again = rows.find(row.folder, row.path, row.version)
      const finding = again === null ? null : await checkRow(layout, again, () => advance(0))
      if (again === null || finding === null) continue
      if (isSameContent(row, again) || looks >= MOST_LOOKS) await tell(row, finding)
      else await suspect(again, looks + 1)
    }
  }

  const isDue = () => suspects.length >= MOST_SUSPECTS || performance.now() - suspectedAt > SUSPECTED_MS
  for await (const row of allRows(rows)) {
    const finding = await checkRow(layout, row, advance)
    checked(row)
    if (finding !== null && settle === null) await tell(row, finding)
    else if (finding !== null) await suspect(row, 1)
    if (settle !== null && suspects.length > 0 && isDue()) await judge(settle)
  }
  while (settle !== null && suspects.length > 0) await judge(settle)
}

/** Nobody knows when a file went that is not there. */
async function changedAtOf(layout: StoreLayout, row: ManifestRow): Promise<number> {
  const stats = await lstat(pathTo.join(layout.root, ...placeOf(layout, row))).catch(() => null)
  return stats?.ctimeMs ?? Date.now()
}

/** All rows in the manifest's order, a page at a time: no statement stays open, so a receiver can write. */
async function* allRows(rows: Rows): AsyncGenerator<ManifestRow> {
  let key: RowKey = { folder: '', path: '', version: '' }
  for (;;) {
    const page = rows.after(key, PAGE_ROWS)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    key = last
  }
}

async function checkRow(
  layout: StoreLayout,
  row: ManifestRow,
  advance: (bytes: number) => void,
): Promise<RowFinding | null> {
  try {
    const file = pathTo.join(layout.root, ...placeOf(layout, row))
    const kind = digestKindOf(row.digest)
    const read = await readDigest(file, kind, ({ length }) => advance(length), 'disk')
    if (read.digest === row.digest) return null
    const isSame = read.size === row.size && Math.abs(read.mtimeMs - row.mtimeMs) < SAME_TIME_MS
    return { kind: isSame ? 'damaged' : 'changed', expected: row.digest, found: read.digest }
  } catch (thrown) {
    const code = errorCode(thrown)
    if (isGone(code)) return { kind: 'missing' }
    // What stands there instead of the file is told by the walk.
    if (thrown instanceof NotAFile) return { kind: 'missing' }
    return { kind: 'unreadable', code: code ?? String(thrown) }
  }
}
