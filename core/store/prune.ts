import { lstatSync, rmdirSync, unlinkSync } from 'node:fs'
import { dropError, warnUnlessCode } from '../dropped-errors.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import type { StoreLayout } from './layout.ts'
import { type FileRow, getPlace, isFileRow } from './manifest/rows.ts'
import type { Handles } from './open-store.ts'
import { versionsToPrune } from './retention/retention.ts'
import type { CommitCalls, Pruned } from './store-messages.ts'

/** Maximum of paths and of milliseconds for one job of pruning; files can be stored between two jobs. */
const PRUNED_PATHS = 200
const PRUNE_WITHIN_MS = 1_000

type PruningParts = Pick<Handles, 'tree' | 'manifest'> & { layout: StoreLayout }

type Gone = Pick<FileRow, 'source' | 'key' | 'version'>

type Emptied = { source: number; path: string; version: string }

/**
 * Removes expired older versions of some paths. Removes the file before its row: after a crash in between, the row is
 * handled again. A directory that became a version is removed file by file, and itself when it is empty. Blocks.
 */
export function pruneSome({ keep, after }: CommitCalls['prune']['input'], parts: PruningParts): Pruned {
  const { tree, manifest } = parts
  const { clockMs } = manifest
  const paths = manifest.withVersions(after, PRUNED_PATHS)
  const gone: Gone[] = []
  const emptied: Emptied[] = []
  const failures: string[] = []
  const until = performance.now() + PRUNE_WITHIN_MS
  let last: { source: number; key: string } | undefined
  for (const path of paths) {
    if (performance.now() > until) break
    last = path
    const { source, key } = path
    const versions = manifest.rows
      .versions(source, key)
      .flatMap((row) =>
        isFileRow(row)
          ? [{ ...row, replacedAt: row.replacedAt ?? 0, replacedClockMs: row.replacedClockMs ?? clockMs }]
          : [],
      )
    if (versionsToPrune(versions, keep, true, clockMs).length === 0) continue
    tree.trim()
    for (const one of versionsToPrune(versions, keep, hasCurrent(source, key, parts), clockMs)) {
      try {
        removeVersion(one, parts, emptied)
        gone.push(one)
      } catch (thrown) {
        failures.push(String(thrown))
      }
    }
  }
  const totals = gone.length === 0 ? new Map() : manifest.forget(gone, emptied)
  const isOver = paths.length < PRUNED_PATHS && last === paths.at(-1)
  return { next: isOver ? null : (last ?? null), totals: [...totals], failures }
}

/** True if a path's current version is in its place. If it is lost, the newest older version must be kept. */
function hasCurrent(source: number, key: string, { layout, tree, manifest }: PruningParts): boolean {
  const current = manifest.rows.find(source, key, '')
  const of = manifest.sourceById(source)
  if (current === null || of === null || !isFileRow(current)) return false
  const place = getPlace(of, current, layout.versions)
  try {
    return lstatSync(`${tree.enter(place.slice(0, -1)).path}/${place.at(-1)}`).isFile()
  } catch (error) {
    return dropError(error, 'where the newest content cannot be looked at, the older one stays', false)
  }
}

/** Removes a version's file, and the directories that become empty. */
function removeVersion(row: FileRow, { layout, tree, manifest }: PruningParts, emptied: Emptied[]): void {
  const source = manifest.sourceById(row.source)
  if (source === null) return
  const place = getPlace(source, row, layout.versions)
  try {
    unlinkSync(`${tree.enter(place.slice(0, -1)).path}/${place.at(-1)}`)
  } catch (thrown) {
    if (!isGone(errorCode(thrown))) throw thrown
  }
  // The place is the directory of versions, the source's two names, the first "depth" parts of the key, the version's
  // name, and the other parts: if the version is a directory, these belong to the sender and count for its totals.
  const above = layout.versions.length + 2
  for (let length = place.length - 1; length > above; length -= 1) {
    try {
      rmdirSync(`${tree.enter(place.slice(0, length - 1)).path}/${place[length - 1]}`)
    } catch (error) {
      warnUnlessCode(error, ['ENOTEMPTY', 'ENOENT'], 'a directory of older versions stays')
      break
    }
    tree.forget()
    if (length <= above + row.depth) continue
    const below = length - above - row.depth - 1
    const path = row.key
      .split('/')
      .slice(0, row.depth + below)
      .join('/')
    emptied.push({ source: row.source, path, version: row.version })
  }
}
