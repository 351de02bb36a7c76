import { setTimeout as delay } from 'node:timers/promises'
import { digestText } from '../../platform/digest.ts'
import type { StoreLayout } from '../layout.ts'
import {
  type FileRow,
  getPlace,
  isFileRow,
  ROW_FOLLOWS_MS,
  type Rows,
  rangeBelow,
  type SourceRow,
  type StrangeRow,
} from '../manifest/rows.ts'
import type { Finding } from './findings.ts'
import { readDigest, withContent } from './read-digest.ts'

/** Rows that are read at a time. */
const PAGE = 1000
/** FAT stores times in steps of 2 s. */
const TIME_STEP_NS = 2_000_000_000n
/** Maximum of attempts for a file: a running receiver may replace it while it is read. */
const MOST_LOOKS = 3

interface CheckEvents {
  say(finding: Finding): Promise<void>
  /** Requests a file from its sender; false: the request could not be recorded. */
  want(row: FileRow): boolean
  /** Removes a missing file from the manifest if that was requested; false: it was not removed. */
  forget(row: FileRow): boolean
  /** Reports bytes that were read; 0: only reports activity. */
  advance(bytes: number): void
  checked(row: FileRow): void
}

const EVERYTHING = rangeBelow('')

/** Reads every file of the manifest, in its order, and compares it. */
export async function checkRows(
  layout: StoreLayout,
  rows: Rows,
  isRunning: boolean,
  events: CheckEvents,
): Promise<void> {
  for (const source of rows.sources()) {
    let after = { key: '', version: '' }
    for (;;) {
      const page = rows.page(source.id, EVERYTHING, after, PAGE)
      for (const row of page) await checkOne(layout, rows, source, row, isRunning, events)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last
    }
  }
}

async function checkOne(
  layout: StoreLayout,
  rows: Rows,
  source: SourceRow,
  first: FileRow | StrangeRow,
  isRunning: boolean,
  events: CheckEvents,
): Promise<void> {
  let row = first
  for (let look = 1; ; look += 1) {
    if (!isFileRow(row)) {
      const place = [source.folder, source.directory, row.key].join('/')
      return events.say({ kind: 'strange', place })
    }
    const found = await checkFile(layout, source, row, events)
    if (found === null) return events.checked(row)
    if (isRunning && look < MOST_LOOKS) {
      events.advance(0)
      const { row: now, isSame } = await lookAgain(rows, row, found.kind === 'missing')
      // The file was removed, or became an older version, possibly on a page that was read already: no finding.
      if (now === null) return
      if (!isSame) {
        row = now
        continue
      }
    }
    if (found.kind === 'missing' && events.forget(row)) return events.say({ ...found, forgotten: true })
    const isWanted = row.version === '' && found.kind !== 'strange' && events.want(row)
    events.checked(row)
    return events.say('isWanted' in found ? { ...found, isWanted } : found)
  }
}

/** Returns the finding for a file; null: the file is sound. */
async function checkFile(
  layout: StoreLayout,
  source: SourceRow,
  row: FileRow,
  { advance }: Pick<CheckEvents, 'advance'>,
): Promise<Finding | null> {
  const place = getPlace(source, row, layout.versions).join('/')
  const expected = digestText(row.digest)
  const wanted = { isWanted: false }
  const finding = await withContent(layout.root, place, async (fd) => {
    const read = await readDigest(fd, ({ length }) => advance(length), 'disk')
    if (read.digest.equals(row.digest)) return null
    const found = digestText(read.digest)
    const apartNs = read.mtimeNs - row.facts.mtimeNs
    const isLike = read.size === row.facts.size && apartNs < TIME_STEP_NS && apartNs > -TIME_STEP_NS
    return { kind: isLike ? ('damaged' as const) : ('changed' as const), place, expected, found }
  })
  if (finding === null || finding.kind === 'strange') return finding
  return finding.kind === 'missing' ? { ...finding, ...wanted, forgotten: false } : { ...finding, ...wanted }
}

/**
 * Reads the row of a file again that did not match it, while a receiver runs; null: the row no longer exists. `isSame`:
 * the receiver was not changing the file, so the finding is valid. Waits only if the receiver may be changing it.
 */
async function lookAgain(
  rows: Rows,
  { source, key, path, version, digest }: FileRow,
  isMissing: boolean,
): Promise<{ row: FileRow | StrangeRow | null; isSame: boolean }> {
  // Checked before reading the row, which has the changes of a completed round. An older version's file is removed
  // before its row.
  const isMoving = version === '' ? rows.isMoving(source, path) : isMissing
  if (isMoving) await delay(ROW_FOLLOWS_MS)
  const row = rows.find(source, key, version)
  return { row, isSame: !isMoving && row !== null && 'digest' in row && row.digest.equals(digest) }
}
