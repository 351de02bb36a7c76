import { isUtf8 } from 'node:buffer'
import { readdir } from 'node:fs/promises'
import pathTo from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { BEST_DIGEST } from '../../files/digest.ts'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { errorCode, errorText } from '../../files/system-error.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { Problem } from '../../words/problem.ts'
import type { StoreLayout } from '../layout.ts'
import { storeLayout } from '../layout.ts'
import { catchUp, openForAdopting } from '../manifest/catch-up.ts'
import { isOlderManifest, readManifestFile } from '../manifest/manifest-file.ts'
import type { Rows } from '../manifest/rows.ts'
import { openRows } from '../manifest/rows.ts'
import { requireDirectory, systemCode } from '../store-problem.ts'
import { checkRows } from './check-rows.ts'
import type { Finding, Progress, VerifySummary } from './findings.ts'
import { emptySummary } from './findings.ts'
import { readDigest } from './read-digest.ts'
import { createSettling } from './settling.ts'
import type { Found } from './walk.ts'
import { rowKeysOf, walkStore } from './walk.ts'

/** Says nothing of the manifest: nothing can be written here at all. */
const READ_ONLY: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM'])
/** What Node puts for bytes that are no UTF-8. */
const NOT_UTF8 = '\uFFFD'

export interface VerifyHost {
  /** What a person should know before the findings. */
  notice(sentence: Message): Promise<void>
  /** What it says is waited for, so that findings never pile up. */
  found(finding: Finding): Promise<void>
  progress(progress: Progress): void
}

/**
 * Reads every file of a store and compares it with the manifest: first what the manifest knows, in its order, then
 * what else is there. Works beside a running receiver. Memory does not grow with the store.
 *
 * @param adopt records unknown files in the manifest as they are now.
 * @throws Problem if there is no store, or it cannot be looked at.
 */
export async function verifyStore(
  directory: string,
  { adopt }: { adopt: boolean },
  host: VerifyHost,
): Promise<VerifySummary> {
  const layout = storeLayout(directory)
  await requireDirectory(layout.root, layout.own)
  let behind: unknown = null
  const { isRunning } = await catchUp(layout).catch((thrown: unknown) => {
    // What the journal still holds will be unknown, and everything else can be compared.
    if (systemCode(thrown) === null) throw thrown
    behind = thrown
    return { isRunning: false }
  })
  if (behind !== null && !READ_ONLY.has(errorCode(behind) ?? ''))
    await host.notice(message('store.manifestBehind', { path: layout.manifest, reason: errorText(behind) }))
  if (adopt && isRunning && isOlderManifest(layout.manifest))
    throw new Problem('store.manifestOlder', { store: layout.root })
  const { database, aside } = adopt
    ? openForAdopting(layout)
    : { database: readManifestFile(layout.manifest), aside: null }
  const { manifest: path } = layout
  if (aside !== null) await host.notice(message('store.manifestAside', { path, aside }))
  if (database === null) await host.notice(message('store.manifestNone', { path, store: layout.root }))
  try {
    return await compare(layout, database, isRunning, adopt, host)
  } finally {
    database?.close()
  }
}

async function compare(
  layout: StoreLayout,
  database: DatabaseSyncInstance | null,
  isRunning: boolean,
  adopt: boolean,
  host: VerifyHost,
): Promise<VerifySummary> {
  const rows = database === null ? null : openRows(database)
  const summary = emptySummary()
  const progress: Progress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 }
  for (const { files, bytes } of rows?.totals() ?? []) {
    progress.totalFiles += files
    progress.totalBytes += bytes
  }
  const advance = (bytes: number) => {
    progress.bytes += bytes
    host.progress(progress)
  }
  const say = async (finding: Finding) => {
    summary[finding.kind] += 1
    if (finding.kind === 'unknown' && finding.adopted) summary.adopted += 1
    await host.found(finding)
  }
  const settle = isRunning && database !== null ? createSettling(layout, database, () => advance(0)) : null

  if (rows !== null)
    await checkRows(layout, rows, settle, {
      say,
      advance,
      checked({ size }) {
        progress.files += 1
        summary.files += 1
        summary.bytes += size
        advance(0)
      },
    })
  for await (const found of walkStore(layout)) {
    advance(0)
    if (rows !== null && isKnown(rows, found)) continue
    const place = found.place.join('/')
    if (found.kind === 'unreadable') await say({ kind: 'unreadable', place, code: found.code })
    else if (found.kind === 'strange') await say({ kind: 'strange', place })
    else {
      const file = pathTo.join(layout.root, ...found.place)
      const stats = await lstatOrNull(file).catch(() => undefined)
      if (stats === null) {
        // Gone since it was listed, as older versions are; or there under a name that cannot be asked for.
        if (place.includes(NOT_UTF8) && (await hasOtherNames(pathTo.dirname(file))))
          await say({ kind: 'strange', place })
        continue
      }
      await settle?.(stats?.ctimeMs ?? Date.now())
      if (rows !== null && isKnown(rows, found)) continue
      await say(await unknownFile(layout, found, adopt ? rows : null, advance))
    }
  }
  return summary
}

/** Whether a directory has a name in it that is no UTF-8. */
async function hasOtherNames(directory: string): Promise<boolean> {
  const names = await readdir(directory, { encoding: 'buffer' }).catch(() => [])
  return names.some((name) => !isUtf8(name))
}

function isKnown(rows: Rows, found: Found): boolean {
  return (
    found.kind === 'file' &&
    rowKeysOf(found).some(({ folder, path: at, version }) => rows.find(folder, at, version) !== null)
  )
}

async function unknownFile(
  layout: StoreLayout,
  found: Found,
  rows: Rows | null,
  advance: (bytes: number) => void,
): Promise<Finding> {
  const place = found.place.join('/')
  const key = rowKeysOf(found)[0]
  if (rows === null || key === undefined) return { kind: 'unknown', place, adopted: false }
  try {
    const file = pathTo.join(layout.root, ...found.place)
    const read = await readDigest(file, BEST_DIGEST, ({ length }) => advance(length), 'disk')
    rows.changes().add({ ...key, ...read, storedAt: Date.now() })
    return { kind: 'unknown', place, adopted: true }
  } catch (thrown) {
    return { kind: 'unreadable', place, code: errorCode(thrown) ?? String(thrown) }
  }
}
