import path from 'node:path'
import { errorCode } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import { storeLayout } from '../layout.ts'
import type { Rows } from '../manifest/rows.ts'
import { holdBelow } from '../placement/held-directory.ts'
import { NotAFile } from '../verify/read-digest.ts'
import { replacedAt } from '../versions/name.ts'
import { makeDestination } from './destination.ts'
import { requireOutside } from './inside.ts'
import { missingContents } from './missing.ts'
import { nothingToRestore, restoreStopped } from './problems.ts'
import type { Put } from './put.ts'
import { putFile } from './put.ts'
import type { Content, Selected } from './select.ts'
import { select } from './select.ts'
import type { Wanted } from './wanted.ts'
import { originOf, whenOf } from './wanted.ts'
import { withRows } from './with-rows.ts'

/** One content, for a list. */
export interface Listed {
  sender: string
  source: string
  path: string
  version: string | null
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  storedAt: number | null
  replacedAt: number | null
}

export type RestoreEvent =
  | { kind: 'listed'; listed: Listed }
  | { kind: 'restored' | 'same' | 'exists' | 'inTheWay'; to: string; verified: boolean }
  | { kind: 'damaged'; place: string; expected: string; found: string }
  | { kind: 'unreadable'; place: string; code: string }
  /** It is neither a file nor a directory. */
  | { kind: 'strange'; place: string }
  /** The manifest knows it, the disk does not have it. */
  | { kind: 'missing'; place: string }
  | { kind: 'failed'; to: string; code: string }

export interface RestoreSummary {
  files: number
  bytes: number
  restored: number
  same: number
  unverified: number
  failed: number
}

export interface RestoreHost {
  /** What it says is waited for. */
  event(event: RestoreEvent): Promise<void>
  progress(progress: { files: number; bytes: number; totalFiles: number; totalBytes: number }): void
}

async function* contents(
  layout: StoreLayout,
  rows: Rows | null,
  wanted: Wanted,
  isList: boolean,
  looked: () => void,
): AsyncGenerator<Selected> {
  const selection = { layout, rows, when: whenOf(wanted, isList), looked }
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
    for await (const one of contents(layout, rows, wanted, true, alive)) {
      if (one.is !== 'file') {
        summary.failed += 1
        await host.event(unfit(one))
        continue
      }
      summary.files += 1
      summary.bytes += one.stats.size
      await host.event({ kind: 'listed', listed: listedOf(one) })
    }
  })
  const origin = originOf(wanted)
  if (origin.length > 0 && summary.files + summary.failed === 0)
    throw nothingToRestore(layout.root, origin, wanted.at)
  return summary
}

const emptySummary = (): RestoreSummary => ({
  files: 0,
  bytes: 0,
  restored: 0,
  same: 0,
  unverified: 0,
  failed: 0,
})

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
  await withRows(layout, alive, async (rows) => {
    await requireOutside(root, layout.root)
    const sums = rows?.sums(origin)
    progress.totalFiles = sums?.files ?? 0
    progress.totalBytes = sums?.bytes ?? 0
    let known = 0
    let isMade = false
    for await (const one of contents(layout, rows, wanted, false, alive)) {
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
      const put = await putOne(layout, one, root, to, overwrite, advance)
      summary.files += 1
      progress.files += 1
      alive()
      await tell(put, one, path.join(root, ...to), summary, host)
    }
    // As it was at a time, or of a version, only the tree itself can say what there was.
    if (rows === null || whenOf(wanted, false).was !== 'now' || known >= (sums?.files ?? 0)) return
    for await (const place of missingContents(layout.root, rows, origin, alive)) {
      summary.files += 1
      summary.failed += 1
      await host.event({ kind: 'missing', place: place.join('/') })
    }
  })
  if (summary.files > 0 || summary.failed > 0) return summary
  throw nothingToRestore(layout.root, origin, wanted.at)
}

type Tried = Put | { did: 'strange' } | { did: 'failed'; code: string }

async function putOne(
  layout: StoreLayout,
  content: Content,
  root: string,
  to: string[],
  overwrite: boolean,
  advance: (bytes: number) => void,
): Promise<Tried> {
  try {
    const held = await holdBelow(layout.root, content.place.slice(0, -1))
    const from = path.join(held.path, content.place.at(-1) ?? '')
    return await putFile(content, from, root, to, overwrite, advance).finally(() => held.close())
  } catch (thrown) {
    if (thrown instanceof NotAFile) return { did: 'strange' }
    const code = errorCode(thrown) ?? String(thrown)
    // Every other file would fail as well.
    if (['ENOSPC', 'EDQUOT', 'EROFS'].includes(code)) throw restoreStopped(path.join(root, ...to), thrown)
    return { did: 'failed', code }
  }
}

async function tell(
  put: Tried,
  { place, stats }: Content,
  to: string,
  summary: RestoreSummary,
  host: RestoreHost,
): Promise<void> {
  switch (put.did) {
    case 'restored':
      summary.restored += 1
      summary.bytes += put.bytes
      if (!put.verified) summary.unverified += 1
      return host.event({ kind: 'restored', to, verified: put.verified })
    case 'same':
      summary.same += 1
      summary.bytes += stats.size
      if (!put.verified) summary.unverified += 1
      return host.event({ kind: 'same', to, verified: put.verified })
    case 'exists':
    case 'inTheWay':
      summary.failed += 1
      return host.event({ kind: put.did, to, verified: false })
    case 'damaged': {
      summary.failed += 1
      const { expected, found } = put
      return host.event({ kind: 'damaged', place: place.join('/'), expected, found })
    }
    case 'strange':
      summary.failed += 1
      return host.event({ kind: 'strange', place: place.join('/') })
    case 'failed':
      summary.failed += 1
      return host.event({ kind: 'failed', to, code: put.code })
    default:
      return put satisfies never
  }
}
