import path from 'node:path'
import { Problem } from '../../words/problem.ts'
import type { StoreLayout } from '../layout.ts'
import type { FileRow, Rows, SourceRow } from '../manifest/rows.ts'
import { openRows, placeOf } from '../manifest/rows.ts'
import { openForReading, requireStore } from '../read-store.ts'
import { removeUnfinished } from './batch.ts'
import { bring } from './bring.ts'
import { makeDestination, requireOutside } from './destination.ts'
import { createDirectoryFacts } from './directories.ts'
import { loadDressing } from './dress.ts'
import type { Listed, RestoreEvent, RestoreHost, RestoreSummary } from './events.ts'
import { emptySummary, eventOf } from './events.ts'
import { incomingFrom } from './incoming.ts'
import type { Put } from './put.ts'
import { openPutting } from './put.ts'
import type { Selected } from './select.ts'
import { select } from './select.ts'
import type { Origin, Wanted } from './wanted.ts'
import { originOf } from './wanted.ts'

export type { Listed, RestoreEvent, RestoreSummary } from './events.ts'

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

/** @param at as it was then; milliseconds since 1970. */
function nothingToRestore(store: string, origin: readonly string[], at: number | null): Problem {
  const place = [store, ...origin].join('/')
  if (at !== null) return new Problem('store.restoreNothingThen', { path: place, at })
  return new Problem('store.restoreNothing', { path: place })
}

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
    const tell = (put: Put, row: FileRow) => {
      const place = placeOf(one.source, row, layout.versions).join('/')
      const { facts: own, digest } = row
      told.push(eventOf(put, { place, size: own.size, digest }, path.join(root, ...to), summary))
    }
    const done = await bring(layout, rows, one, wanted, isRunning, (row, fd) =>
      putting.put(incomingFrom(row, fd), to, directories, (put) => tell(put, row)),
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
