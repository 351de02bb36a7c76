import { stat } from 'node:fs/promises'
import path from 'node:path'
import { openBeneath } from '../../files/beneath.ts'
import { digestText } from '../../files/digest.ts'
import type { FileFacts } from '../../files/facts.ts'
import { closeFd } from '../../files/fd.ts'
import { makeDirectories } from '../../files/make-directories.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import type { FileRow, Rows, SourceRow } from '../manifest/rows.ts'
import { lookAgain, openRows, placeOf } from '../manifest/rows.ts'
import { openForReading, requireStore } from '../read-store.ts'
import { NotAFile } from '../verify/read-digest.ts'
import { loadDressing } from './dress.ts'
import type { Listed, RestoreEvent, RestoreHost, RestoreSummary } from './events.ts'
import { emptySummary } from './events.ts'
import { requireOutside } from './inside.ts'
import { nothingToRestore, restoreStopped } from './problems.ts'
import type { Put } from './put.ts'
import { openPutting, removeUnfinished } from './put.ts'
import type { Selected } from './select.ts'
import { select, selectAgain } from './select.ts'
import type { Origin, Wanted } from './wanted.ts'
import { originOf } from './wanted.ts'

export type { Listed, RestoreEvent, RestoreSummary } from './events.ts'

/** A receiver that runs may replace a content while it is read: it is looked up anew so often. */
const MOST_LOOKS = 3

function listedOf({ folder, directory }: SourceRow, row: FileRow): Listed {
  return {
    sender: folder,
    source: directory,
    path: row.path,
    version: row.version === '' ? null : row.version,
    size: row.facts.size,
    mtimeMs: Number(row.facts.mtimeNs) / 1e6,
    storedAt: row.storedAt,
    replacedAt: row.replacedAt,
    renamedAt: row.goneAt,
  }
}

const strangePlace = ({ source: { folder, directory }, row }: Selected): string =>
  `${folder}/${directory}/${row.key}`

const namesOf = ({ sender, source, path: wanted }: Origin): string[] =>
  [sender, source, wanted].flatMap((part) => part?.split('/') ?? [])

/**
 * Tells every content that is wanted; with no time and no version all that there are.
 * @throws Problem if there is no store, or nothing that has the names that are given.
 */
export async function listStore(store: string, wanted: Wanted, host: RestoreHost): Promise<RestoreSummary> {
  const origin = originOf(wanted)
  const layout = await requireStore(store)
  const { database } = openForReading(layout)
  const summary = emptySummary()
  try {
    for (const one of select(openRows(database), origin, wanted, true)) {
      if (one.is === 'strange') {
        summary.failed += 1
        await host.event({ kind: 'strange', place: strangePlace(one) })
        continue
      }
      summary.files += 1
      summary.bytes += one.row.facts.size
      await host.event({ kind: 'listed', listed: listedOf(one.source, one.row) })
      host.progress({ files: summary.files, bytes: summary.bytes, totalFiles: 0, totalBytes: 0 })
    }
  } finally {
    database.close()
  }
  if (summary.files + summary.failed === 0 && (origin.sender !== null || wanted.at !== null))
    throw nothingToRestore(layout.root, namesOf(origin), wanted.at)
  return summary
}

/** Makes a destination, and what is missing above it. @throws Problem where it cannot be made, or is no directory. */
async function makeDestination(directory: string): Promise<void> {
  try {
    await makeDirectories(directory)
    if (!(await stat(directory)).isDirectory())
      throw Object.assign(new Error(`no directory: ${directory}`), { code: 'ENOTDIR' })
  } catch (thrown) {
    throw restoreStopped(directory, thrown)
  }
}

/**
 * Brings what is wanted to `destination`. What is chosen by name is not repeated there: a directory's contents, or
 * the one file, land directly in it.
 *
 * @throws Problem if there is no store, nothing that is wanted, or no room for it.
 */
export async function restoreStore(
  store: string,
  destination: string,
  wanted: Wanted,
  overwrite: boolean,
  host: RestoreHost,
): Promise<RestoreSummary> {
  const origin = originOf(wanted)
  const layout = await requireStore(store)
  const root = path.resolve(destination)
  await requireOutside(root, layout.root)
  const { database, isRunning } = openForReading(layout)
  try {
    const rows = openRows(database)
    const totals = sumOf(rows, origin, wanted)
    if (totals.files === 0) throw nothingToRestore(layout.root, namesOf(origin), wanted.at)
    await makeDestination(root)
    return await restoreAll({ layout, rows, root, origin, wanted, overwrite, isRunning, host }, totals)
  } finally {
    removeUnfinished()
    database.close()
  }
}

function sumOf(rows: Rows, origin: Origin, wanted: Wanted): { files: number; bytes: number } {
  const sum = { files: 0, bytes: 0 }
  for (const one of select(rows, origin, wanted, false)) {
    sum.files += 1
    sum.bytes += one.is === 'file' ? one.row.facts.size : 0
  }
  return sum
}

interface Restoring {
  layout: StoreLayout
  rows: Rows
  root: string
  origin: Origin
  wanted: Wanted
  overwrite: boolean
  isRunning: boolean
  host: RestoreHost
}

async function restoreAll(
  { layout, rows, root, origin, wanted, overwrite, isRunning, host }: Restoring,
  totals: { files: number; bytes: number },
): Promise<RestoreSummary> {
  const summary = emptySummary()
  const progress = { files: 0, bytes: 0, totalFiles: totals.files, totalBytes: totals.bytes }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    host.progress(progress)
  }
  const putting = openPutting(root, overwrite, await loadDressing(), advance)
  /** What is told when it can be waited for. */
  let told: RestoreEvent[] = []
  const tellAll = async () => {
    const events = told
    told = []
    for (const event of events) await host.event(event)
  }
  const facts = createDirectoryFacts(rows)

  for (const one of select(rows, origin, wanted, false)) {
    summary.files += 1
    progress.files += 1
    if (one.is === 'strange') {
      summary.failed += 1
      told.push({ kind: 'strange', place: strangePlace(one) })
      await tellAll()
      continue
    }
    const to = targetOf(one, origin)
    const directories = facts.above(one, to)
    const tell = (put: Put, row: FileRow) =>
      void told.push(eventOf(put, one.source, row, layout, path.join(root, ...to), summary))
    const done = await bring(layout, rows, one, wanted, isRunning, (row, fd) =>
      putting.put(row, fd, to, directories, (put) => tell(put, row)),
    )
    if (done !== null && 'put' in done) tell(done.put, done.row)
    else if (done !== null) {
      summary.failed += 1
      told.push(done)
    }
    if (told.length > 0) await tellAll()
    advance(0)
  }
  putting.end()
  await tellAll()
  summary.undressed = putting.undressed
  return summary
}

/** Below the destination. */
function targetOf({ source, row }: Selected, origin: Origin): string[] {
  const parts = 'path' in row ? row.path.split('/') : []
  if (origin.sender === null) return [source.folder, source.directory, ...parts]
  if (origin.source === null) return [source.directory, ...parts]
  if (origin.path === null) return parts
  const below = parts.slice(origin.path.split('/').length)
  return below.length > 0 ? below : parts.slice(-1)
}

/** Directories whose facts are remembered; beyond it they are asked for anew. */
const MOST_DIRECTORIES = 10_000

/** What the directories on the way to a file are at the source, in the order of the way. */
function createDirectoryFacts(rows: Rows) {
  const known = new Map<string, FileFacts | null>()
  const find = (source: number, directory: string): FileFacts | null => {
    const name = `${source} ${directory}`
    const found = known.get(name)
    if (found !== undefined) return found
    if (known.size >= MOST_DIRECTORIES) known.clear()
    const facts = rows.directory(source, directory)?.facts ?? null
    known.set(name, facts)
    return facts
  }
  return {
    above({ source, row }: Selected, to: readonly string[]): (FileFacts | null)[] {
      const parts = row.key.split('/')
      const beyond = to.length - parts.length
      return to.slice(0, -1).map((_, index) => {
        // The sender's folder is nothing at the source; the source's own directory is.
        const depth = index - beyond + 1
        return depth < 0 ? null : find(source.id, parts.slice(0, depth).join('/'))
      })
    },
  }
}

/**
 * Opens a content and has it put; what has changed meanwhile, as a receiver runs, is looked up anew.
 * @returns what became of it; null: that is told later.
 */
async function bring(
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

async function bringOne(
  layout: StoreLayout,
  { source, row }: Pick<Extract<Selected, { is: 'file' }>, 'source' | 'row'>,
  put: (row: FileRow, fd: number) => Promise<Put | null>,
): Promise<{ put: Put; row: FileRow } | RestoreEvent | null> {
  const place = placeOf(source, row, layout.versions).join('/')
  try {
    const fd = await openBeneath(layout.root, place, READ_FILE)
    try {
      const done = await put(row, fd)
      return done === null ? null : { put: done, row }
    } finally {
      await closeFd(fd)
    }
  } catch (thrown) {
    const code = errorCode(thrown)
    if (thrown instanceof NotAFile || code === 'ELOOP' || code === 'ENXIO') return { kind: 'strange', place }
    if (isGone(code)) return { kind: 'missing', place }
    if (code === null) throw thrown
    return { kind: 'unreadable', place, code }
  }
}

function eventOf(
  put: Put,
  source: SourceRow,
  row: FileRow,
  layout: StoreLayout,
  to: string,
  summary: RestoreSummary,
): RestoreEvent {
  switch (put.did) {
    case 'restored':
      summary.restored += 1
      summary.bytes += row.facts.size
      return { kind: 'restored', to }
    case 'same':
      summary.same += 1
      summary.bytes += row.facts.size
      return { kind: 'same', to }
    case 'exists':
    case 'folded':
    case 'inTheWay':
      summary.failed += 1
      return { kind: put.did, to }
    case 'damaged': {
      summary.failed += 1
      const place = placeOf(source, row, layout.versions).join('/')
      return { kind: 'damaged', place, expected: digestText(row.digest), found: digestText(put.found) }
    }
    case 'failed':
      summary.failed += 1
      return { kind: 'failed', to, code: put.code }
    default:
      return put satisfies never
  }
}
