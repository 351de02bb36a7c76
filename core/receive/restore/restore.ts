import path from 'node:path'
import { storeLayout } from '../layout.ts'
import { replacedAt } from '../versions/name.ts'
import { openBringing } from './bring.ts'
import { makeDestination } from './destination.ts'
import type { Listed, RestoreEvent, RestoreHost, RestoreSummary } from './events.ts'
import { emptySummary } from './events.ts'
import { requireOutside } from './inside.ts'
import { missingContents } from './missing.ts'
import { nothingToRestore } from './problems.ts'
import type { Content, Selected, Selection } from './select.ts'
import { select } from './select.ts'
import type { Wanted } from './wanted.ts'
import { originOf, whenOf } from './wanted.ts'
import { withRows } from './with-rows.ts'

export type { Listed, RestoreEvent, RestoreSummary } from './events.ts'

async function* contents(selection: Selection, wanted: Wanted): AsyncGenerator<Selected> {
  for await (const one of select(selection, originOf(wanted))) {
    if (one.is === 'file' && wanted.version !== null && one.version !== wanted.version) continue
    yield one
  }
}

function listedOf({ origin, version, stats, row }: Content): Listed {
  const [sender = '', source = '', ...rest] = origin
  return {
    sender,
    source,
    path: rest.join('/'),
    version: version === '' ? null : version,
    size: stats.size,
    mtimeMs: row?.mtimeMs ?? stats.mtimeMs,
    storedAt: row?.storedAt ?? null,
    replacedAt: version === '' ? null : replacedAt(version),
  }
}

function unfit(one: Exclude<Selected, { is: 'file' }>): RestoreEvent {
  const place = one.place.join('/')
  return one.is === 'strange' ? { kind: one.is, place } : { kind: one.is, place, code: one.code }
}

/**
 * Tells every content that is wanted; with no time and no version all that there are.
 * @throws Problem if there is no store, or nothing that has the names that are given.
 */
export async function listStore(store: string, wanted: Wanted, host: RestoreHost): Promise<RestoreSummary> {
  const layout = storeLayout(store)
  const summary = emptySummary()
  const alive = () =>
    host.progress({ files: summary.files, bytes: summary.bytes, totalFiles: 0, totalBytes: 0 })
  await withRows(layout, alive, async (rows) => {
    const selection = { layout, rows, when: whenOf(wanted, true), now: Date.now(), looked: alive }
    for await (const one of contents(selection, wanted)) {
      if (one.is !== 'file') {
        summary.failed += 1
        await host.event(unfit(one))
        continue
      }
      summary.files += 1
      summary.bytes += one.stats.size
      await host.event({ kind: 'listed', listed: listedOf(one) })
      if (!one.isSure) await host.event({ kind: 'unsure', place: one.place.join('/') })
    }
  })
  const origin = originOf(wanted)
  if (origin.length > 0 && summary.files + summary.failed === 0)
    throw nothingToRestore(layout.root, origin, wanted.at)
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
  const layout = storeLayout(store)
  const root = path.resolve(destination)
  const origin = originOf(wanted)
  const summary = emptySummary()
  const progress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    host.progress(progress)
  }
  const alive = () => advance(0)
  await withRows(layout, alive, async (rows, settle) => {
    await requireOutside(root, layout.root)
    const sums = rows?.sums(origin)
    progress.totalFiles = sums?.files ?? 0
    progress.totalBytes = sums?.bytes ?? 0
    let known = 0
    let isMade = false
    const selection = { layout, rows, when: whenOf(wanted, false), now: Date.now(), looked: alive }
    const bringing = openBringing(selection, root, overwrite, settle, summary, host)
    for await (const one of contents(selection, wanted)) {
      if (one.is === 'file' && one.row !== null) known += 1
      if (one.is !== 'file') {
        summary.failed += 1
        await host.event(unfit(one))
        continue
      }
      const below = one.origin.slice(origin.length)
      const to = below.length > 0 ? below : one.origin.slice(-1)
      // Not before there is something to put there: a name that was mistyped makes nothing.
      if (!isMade) await makeDestination(root)
      isMade = true
      await bringing.bring(one, to, advance)
      summary.files += 1
      progress.files += 1
      alive()
    }
    await bringing.end()
    // As it was at a time, or of a version, only the tree itself can say what there was.
    if (rows === null || selection.when.was !== 'now' || known >= (sums?.files ?? 0)) return
    for await (const place of missingContents(layout.root, rows, origin, alive)) {
      summary.files += 1
      summary.failed += 1
      await host.event({ kind: 'missing', place: place.join('/') })
    }
  })
  if (summary.files > 0 || summary.failed > 0) return summary
  throw nothingToRestore(layout.root, origin, wanted.at)
}
