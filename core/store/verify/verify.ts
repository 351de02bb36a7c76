import { isUtf8 } from 'node:buffer'
import { readdir, writeFile } from 'node:fs/promises'
import pathTo from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { toFileMetadata } from '../../platform/facts.ts'
import { closeFd, statFd } from '../../platform/fd.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { type FileSystem, toAllKeys, toKey, tryFileSystem } from '../file-system.ts'
import type { StoreLayout } from '../layout.ts'
import { openForReading, requireStore } from '../lock.ts'
import { openManifestFile } from '../manifest/file.ts'
import { Manifest } from '../manifest/manifest.ts'
import { isFileRow, openRows, ROW_FOLLOWS_MS, type Rows } from '../manifest/rows.ts'
import { checkRows } from './check-rows.ts'
import { emptySummary, type Finding, type VerifyProgress, type VerifySummary } from './findings.ts'
import { readDigest } from './read-digest.ts'
import { type FoundEntry, type RowName, rowsFor, walkStore } from './walk.ts'

/** Node's replacement for bytes that are not UTF-8. */
const NOT_UTF8 = '\uFFFD'

interface VerifyHost {
  /** Shows a message before the findings. */
  notice(sentence: Message): Promise<void>
  /** Reports a finding. Its promise is awaited, so that findings never pile up. */
  found(finding: Finding): Promise<void>
  progress(progress: VerifyProgress): void
}

interface VerifyOptions {
  adopt: boolean
  forgetMissing?: boolean
}

/** Opens the manifest for writing; null: it is not writable. */
function openWritable({ manifest: file }: StoreLayout) {
  try {
    return new Manifest(openManifestFile(file).database)
  } catch (error) {
    return dropError(error, 'a manifest that cannot be written to is only read', null)
  }
}

/**
 * Reads every file of a store and compares it with the manifest: first the files of the manifest, in its order, then
 * unknown files. Can run while a receiver runs. Memory does not grow with the store. Requests current files that are
 * damaged or missing from their senders: the running receiver, or the next one, sends the requests.
 *
 * @param adopt adds unknown files to the manifest with their present content.
 * @param forgetMissing removes missing files from the manifest, as they were deleted on purpose. Files that a sender
 * still has come back.
 * @throws UserError if there is no store, or it cannot be read
 */
export async function verifyStore(
  directory: string,
  options: VerifyOptions,
  host: VerifyHost,
): Promise<VerifySummary> {
  const layout = await requireStore(directory)
  if (options.adopt) {
    const { database, aside } = openManifestFile(layout.manifest)
    database.close()
    if (aside !== null) await host.notice(message('store.manifestAside', { path: layout.manifest, aside }))
  }
  const { database, isRunning } = openForReading(layout)
  const manifest = openWritable(layout)
  try {
    return await compare(layout, openRows(database), manifest, isRunning, options, host)
  } finally {
    manifest?.close()
    database.close()
  }
}

async function compare(
  layout: StoreLayout,
  rows: Rows,
  manifest: Manifest | null,
  isRunning: boolean,
  { adopt, forgetMissing = false }: VerifyOptions,
  host: VerifyHost,
): Promise<VerifySummary> {
  const summary = emptySummary()
  const progress: VerifyProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 }
  for (const [, { files, bytes }] of rows.totals()) {
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
    if (finding.kind === 'missing' && finding.forgotten) summary.forgotten += 1
    if ('isWanted' in finding && finding.isWanted) summary.wanted += 1
    await host.found(finding)
  }

  await checkRows(layout, rows, isRunning, {
    say,
    advance,
    want(row) {
      manifest?.want(row.source, row.key)
      return manifest !== null
    },
    forget(row) {
      if (!forgetMissing || manifest === null) return false
      // A sender that still has the file assumes that it is stored: on request, it sends it again.
      if (row.version === '') manifest.want(row.source, row.key)
      manifest.forget([row], [])
      return true
    },
    checked({ facts }) {
      progress.files += 1
      summary.files += 1
      summary.bytes += facts.size
      advance(0)
    },
  })
  // A running receiver watches this file for changes.
  if (summary.wanted + summary.forgotten > 0)
    await writeFile(layout.wanted, '', { mode: 0o600 }).catch(
      ignoreError('a receiver that starts looks without this file'),
    )
  const fileSystem = tryFileSystem(layout.temporary)
  const isKnown = createKnown(rows, fileSystem)
  for await (const found of walkStore(layout)) {
    advance(0)
    if (isKnown(found)) continue
    const finding = await judgeUnknown(layout, found, isKnown, isRunning)
    const [name] = rowsFor(found)
    if (finding === null) continue
    const isTaken = adopt && finding.kind === 'unknown' && manifest !== null && name !== undefined
    await say(isTaken ? await adoptFile(layout, finding.place, name, manifest, fileSystem, advance) : finding)
  }
  return summary
}

/**
 * Returns a function that checks if the manifest has a row for a found file. On a read-only disk the folding of names
 * cannot be probed: then the row is looked up by every key that its path may have.
 */
function createKnown(rows: Rows, fileSystem: FileSystem): (found: FoundEntry) => boolean {
  const findSource = ({ folder, directory }: RowName) =>
    rows.sources().find((one) => one.folder === folder && one.directory === directory)
  return (found) =>
    found.kind === 'file' &&
    rowsFor(found).some((name) => {
      const source = findSource(name)
      if (source === undefined) return false
      if (rows.find(source.id, toKey(name.path, fileSystem), name.version) !== null) return true
      return toAllKeys(name.path).some((key) => {
        const row = rows.find(source.id, key, name.version)
        return row !== null && isFileRow(row) && row.path === name.path
      })
    })
}

/** Returns the finding for a file without a row; null: it was removed, or has a row by now. */
async function judgeUnknown(
  layout: StoreLayout,
  found: FoundEntry,
  isKnown: (found: FoundEntry) => boolean,
  isRunning: boolean,
): Promise<Finding | null> {
  const place = found.place.join('/')
  if (found.kind === 'unreadable') return { kind: 'unreadable', place, code: found.code, isWanted: false }
  if (found.kind === 'strange') return { kind: 'strange', place }
  const file = pathTo.join(layout.root, ...found.place)
  const stats = await lstatOrNull(file).catch(
    ignoreError('a file that cannot be looked at is listed as unknown'),
  )
  if (stats === null) {
    // Removed since it was listed, as happens with older versions; or its name is not UTF-8 and cannot be opened.
    const isNameless = place.includes(NOT_UTF8) && (await hasOtherNames(pathTo.dirname(file)))
    return isNameless ? { kind: 'strange', place } : null
  }
  const isYoung = stats === undefined || Date.now() - stats.ctimeMs < ROW_FOLLOWS_MS
  if (isRunning && isYoung) await delay(ROW_FOLLOWS_MS)
  return isKnown(found) ? null : { kind: 'unknown', place, adopted: false }
}

/** True if a directory has an entry whose name is not UTF-8. */
async function hasOtherNames(directory: string): Promise<boolean> {
  const names = await readdir(directory, { encoding: 'buffer' }).catch(
    ignoreError('a directory that cannot be listed is reported by the walk', []),
  )
  return names.some((name) => !isUtf8(name))
}

async function adoptFile(
  layout: StoreLayout,
  place: string,
  { folder, directory, path, version, depth }: RowName,
  manifest: Manifest,
  fileSystem: FileSystem,
  advance: (bytes: number) => void,
): Promise<Finding> {
  try {
    const fd = await openBeneath(layout.root, place, READ_FILE)
    try {
      const stats = await statFd(fd)
      const { digest, size } = await readDigest(fd, ({ length }) => advance(length), 'disk')
      const facts = { ...toFileMetadata(stats, null), size }
      const source = manifest.getSourceId(folder, directory)
      manifest.adopt({ source, key: toKey(path, fileSystem), path, version, depth, facts, digest })
      return { kind: 'unknown', place, adopted: true }
    } finally {
      await closeFd(fd)
    }
  } catch (thrown) {
    return { kind: 'unreadable', place, code: errorCode(thrown) ?? errorText(thrown), isWanted: false }
  }
}
