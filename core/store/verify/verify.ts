import { isUtf8 } from 'node:buffer'
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { deferAsync } from '../../defer.ts'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { digestText } from '../../platform/digest.ts'
import { closeFd, READ_FILE, statFd } from '../../platform/fd.ts'
import { toFileMetadata } from '../../platform/file-metadata.ts'
import { lstatOrNull } from '../../platform/files.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { type FileSystem, toAllKeys, toKey, tryFileSystem } from '../file-system.ts'
import { LOST_AND_FOUND, OWN_DIRECTORY, type StoreLayout } from '../layout.ts'
import { openForReading, requireStore } from '../lock.ts'
import { Manifest, openManifestFile } from '../manifest/manifest.ts'
import {
  type FileRow,
  getPlace,
  isFileRow,
  openRows,
  ROW_FOLLOWS_MS,
  type Rows,
  rangeBelow,
  type SourceNames,
  type SourceRow,
  type StrangeRow,
} from '../manifest/rows.ts'
import { isVersionName, versionNameAsGiven } from '../retention/retention.ts'
import { emptySummary, type Finding, type VerifyProgress, type VerifySummary } from './findings.ts'
import { readDigest, withContent } from './read-digest.ts'

/** Node's replacement for bytes that are not UTF-8. */
const NOT_UTF8 = '\uFFFD'
/** Rows that are read at a time. */
const PAGE = 1000
const EVERYTHING = rangeBelow('')
/** FAT stores times in steps of 2 s. */
const TIME_STEP_NS = 2_000_000_000n
/** Maximum of attempts for a file: a running receiver may replace it while it is read. */
const MAX_ATTEMPTS = 3
/** Entries of a store's root that are no sender's folder: Holdfast's own directory, and that of the file system. */
const BESIDE_FOLDERS: ReadonlySet<string> = new Set([OWN_DIRECTORY, LOST_AND_FOUND])

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
    return await new Verification(layout, openRows(database), manifest, isRunning, options, host).run()
  } finally {
    manifest?.close()
    database.close()
  }
}

/** Opens the manifest for writing; null: it is not writable. */
function openWritable({ manifest: file }: StoreLayout) {
  try {
    return new Manifest(openManifestFile(file).database)
  } catch (error) {
    return dropError(error, 'a manifest that cannot be written to is only read', null)
  }
}

/** A run over a store. */
class Verification {
  readonly #layout: StoreLayout
  readonly #rows: Rows
  readonly #manifest: Manifest | null
  /** A receiver uses the store: its files and rows may change during the run. */
  readonly #isRunning: boolean
  readonly #options: VerifyOptions
  readonly #host: VerifyHost
  readonly #summary = emptySummary()
  readonly #progress: VerifyProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 }

  constructor(
    layout: StoreLayout,
    rows: Rows,
    manifest: Manifest | null,
    isRunning: boolean,
    options: VerifyOptions,
    host: VerifyHost,
  ) {
    this.#layout = layout
    this.#rows = rows
    this.#manifest = manifest
    this.#isRunning = isRunning
    this.#options = options
    this.#host = host
  }

  async run(): Promise<VerifySummary> {
    for (const [, { files, bytes }] of this.#rows.totals()) {
      this.#progress.totalFiles += files
      this.#progress.totalBytes += bytes
    }
    await this.#checkRows()
    // A running receiver watches this file for changes.
    if (this.#summary.wanted + this.#summary.forgotten > 0)
      await writeFile(this.#layout.wanted, '', { mode: 0o600 }).catch(
        ignoreError('a receiver that starts looks without this file'),
      )
    await this.#findUnknown()
    return this.#summary
  }

  /** Reads every file of the manifest, in its order, and compares it. */
  async #checkRows(): Promise<void> {
    for (const source of this.#rows.sources()) {
      let after = { key: '', version: '' }
      for (;;) {
        const page = this.#rows.page(source.id, EVERYTHING, after, PAGE)
        for (const row of page) await this.#checkRow(source, row)
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) break
        after = last
      }
    }
    for (const { folder, directory } of this.#rows.invalidSources())
      await this.#report({ kind: 'strange', place: `${folder}/${directory}/`, isRow: true })
  }

  async #checkRow(source: SourceRow, first: FileRow | StrangeRow): Promise<void> {
    let row = first
    for (let attempt = 1; ; attempt += 1) {
      if (!isFileRow(row)) {
        const place = [source.folder, source.directory, String(row.key)].join('/')
        return this.#report({ kind: 'strange', place, isRow: true })
      }
      const found = await this.#checkFile(source, row)
      if (found === null) return this.#countFile(row)
      if (this.#isRunning && attempt < MAX_ATTEMPTS) {
        this.#advance(0)
        const { row: current, isSame } = await this.#readAgain(row, found.kind === 'missing')
        // No finding: the file was removed, or became an older version, possibly on a page that was read already.
        if (current === null) return
        if (!isSame) {
          row = current
          continue
        }
      }
      if (found.kind === 'missing' && this.#forget(row)) return this.#report({ ...found, forgotten: true })
      const isWanted = row.version === '' && found.kind !== 'strange' && this.#want(row)
      this.#countFile(row)
      return this.#report('isWanted' in found ? { ...found, isWanted } : found)
    }
  }

  /** Returns the finding for a file; null: the file is sound. */
  async #checkFile(source: SourceRow, row: FileRow): Promise<Finding | null> {
    const { root, versions } = this.#layout
    const place = getPlace(source, row, versions).join('/')
    const expected = digestText(row.digest)
    const wanted = { isWanted: false }
    const finding = await withContent(root, place, async (fd) => {
      const read = await readDigest(fd, ({ length }) => this.#advance(length), 'disk')
      if (read.digest.equals(row.digest)) return null
      const found = digestText(read.digest)
      const apartNs = read.mtimeNs - row.facts.mtimeNs
      const hasSameStat = read.size === row.facts.size && apartNs < TIME_STEP_NS && apartNs > -TIME_STEP_NS
      return { kind: hasSameStat ? ('damaged' as const) : ('changed' as const), place, expected, found }
    })
    if (finding === null || finding.kind === 'strange') return finding
    return finding.kind === 'missing'
      ? { ...finding, ...wanted, forgotten: false }
      : { ...finding, ...wanted }
  }

  /**
   * Reads the row of a file again that did not match it, while a receiver runs; null: the row no longer exists.
   * `isSame`: the receiver was not changing the file, so the finding is valid. Waits only if the receiver may be
   * changing it.
   */
  async #readAgain({ source, key, path: file, version, digest }: FileRow, isMissing: boolean) {
    // Checked before reading the row, which has the changes of a completed round. An older version's file is removed
    // before its row.
    const isMoving = version === '' ? this.#rows.isMoving(source, file) : isMissing
    if (isMoving) await delay(ROW_FOLLOWS_MS)
    const row = this.#rows.find(source, key, version)
    return { row, isSame: !isMoving && row !== null && 'digest' in row && row.digest.equals(digest) }
  }

  /** Requests a file from its sender; false: the request could not be recorded. */
  #want(row: FileRow): boolean {
    this.#manifest?.want(row.source, row.key)
    return this.#manifest !== null
  }

  /** Removes a missing file from the manifest if that was requested; false: it was not removed. */
  #forget(row: FileRow): boolean {
    if (this.#options.forgetMissing !== true || this.#manifest === null) return false
    // A sender that still has the file assumes that it is stored, and sends it again only on request.
    if (row.version === '') this.#manifest.want(row.source, row.key)
    this.#manifest.forget([row], [])
    return true
  }

  /** Reports files without a row, and adopts them if that was requested. */
  async #findUnknown(): Promise<void> {
    const { adopt } = this.#options
    const fileSystem = tryFileSystem(this.#layout.temporary)
    for await (const found of walkStore(this.#layout)) {
      this.#advance(0)
      if (this.#isKnown(found, fileSystem)) continue
      const finding = await this.#evaluateUnknown(found, fileSystem)
      if (finding === null) continue
      const [name] = rowsFor(found)
      const isAdopted = adopt && finding.kind === 'unknown' && this.#manifest !== null && name !== undefined
      await this.#report(
        isAdopted ? await this.#adopt(finding.place, name, this.#manifest, fileSystem) : finding,
      )
    }
  }

  /**
   * True if the manifest has a row for a found file. On a read-only disk the folding of names cannot be probed: then the
   * row is looked up by every key that its path may have.
   */
  #isKnown(found: FoundEntry, fileSystem: FileSystem): boolean {
    const rows = this.#rows
    const findIn = <S extends SourceNames>(sources: readonly S[], { folder, directory }: RowName) =>
      sources.find((one) => one.folder === folder && one.directory === directory)
    return (
      found.kind === 'file' &&
      rowsFor(found).some((name) => {
        const source = findIn(rows.sources(), name)
        // The whole folder is reported: nobody should remove its files because they have no rows.
        if (source === undefined) return findIn(rows.invalidSources(), name) !== undefined
        if (rows.find(source.id, toKey(name.path, fileSystem), name.version) !== null) return true
        return toAllKeys(name.path).some((key) => {
          const row = rows.find(source.id, key, name.version)
          return row !== null && isFileRow(row) && row.path === name.path
        })
      })
    )
  }

  /** Returns the finding for a file without a row; null: it was removed, or has a row by now. */
  async #evaluateUnknown(found: FoundEntry, fileSystem: FileSystem): Promise<Finding | null> {
    const place = found.place.join('/')
    if (found.kind === 'unreadable') return { kind: 'unreadable', place, code: found.code, isWanted: false }
    if (found.kind === 'strange') return { kind: 'strange', place }
    const file = path.join(this.#layout.root, ...found.place)
    const stats = await lstatOrNull(file).catch(
      ignoreError('a file that cannot be looked at is listed as unknown'),
    )
    if (stats === null) {
      // Removed since it was listed, as happens with older versions; or its name is not UTF-8 and cannot be opened.
      const isNameless = place.includes(NOT_UTF8) && (await hasOtherNames(path.dirname(file)))
      return isNameless ? { kind: 'strange', place } : null
    }
    const isYoung = stats === undefined || Date.now() - stats.ctimeMs < ROW_FOLLOWS_MS
    if (this.#isRunning && isYoung) await delay(ROW_FOLLOWS_MS)
    return this.#isKnown(found, fileSystem) ? null : { kind: 'unknown', place, adopted: false }
  }

  /** Adds a file to the manifest with its present content. */
  async #adopt(
    place: string,
    { folder, directory, path: file, version, depth }: RowName,
    manifest: Manifest,
    fileSystem: FileSystem,
  ): Promise<Finding> {
    try {
      const fd = await openBeneath(this.#layout.root, place, READ_FILE)
      await using _ = deferAsync(() => closeFd(fd))
      const stats = await statFd(fd)
      const { digest, size } = await readDigest(fd, ({ length }) => this.#advance(length), 'disk')
      const facts = { ...toFileMetadata(stats, null), size }
      const source = manifest.getSourceId(folder, directory)
      manifest.adopt({ source, key: toKey(file, fileSystem), path: file, version, depth, facts, digest })
      return { kind: 'unknown', place, adopted: true }
    } catch (thrown) {
      return { kind: 'unreadable', place, code: errorCode(thrown) ?? errorText(thrown), isWanted: false }
    }
  }

  async #report(finding: Finding): Promise<void> {
    const summary = this.#summary
    summary[finding.kind] += 1
    if (finding.kind === 'unknown' && finding.adopted) summary.adopted += 1
    if (finding.kind === 'missing' && finding.forgotten) summary.forgotten += 1
    if ('isWanted' in finding && finding.isWanted) summary.wanted += 1
    await this.#host.found(finding)
  }

  /** Counts a file of the manifest. */
  #countFile({ facts }: FileRow): void {
    this.#progress.files += 1
    this.#summary.files += 1
    this.#summary.bytes += facts.size
    this.#advance(0)
  }

  /** Reports bytes that were read; 0: only reports activity. */
  #advance(bytes: number): void {
    this.#progress.bytes += bytes
    this.#host.progress(this.#progress)
  }
}

/** True if a directory has an entry whose name is not UTF-8. */
async function hasOtherNames(directory: string): Promise<boolean> {
  const names = await readdir(directory, { encoding: 'buffer' }).catch(
    ignoreError('a directory that cannot be listed is reported by the walk', []),
  )
  return names.some((name) => !isUtf8(name))
}

/** An entry of a store, below its root. */
type FoundEntry = {
  place: string[]
  /** True if it is in the tree of versions. */
  isVersion: boolean
} & ({ kind: 'file' } | { kind: 'strange' } | { kind: 'unreadable'; code: string })

/**
 * Yields all entries of the store except directories and `BESIDE_FOLDERS`; older versions last. Does not follow links.
 */
export async function* walkStore(layout: StoreLayout): AsyncGenerator<FoundEntry> {
  yield* walk(layout.root, [], false)
  yield* walk(layout.root, layout.versions, true)
}

async function* walk(root: string, place: readonly string[], isVersion: boolean): AsyncGenerator<FoundEntry> {
  try {
    // Lists names only: with types, an entry that vanishes would end the listing if the file system reports no types.
    for (const name of await readdir(path.join(root, ...place))) {
      if (place.length === 0 && BESIDE_FOLDERS.has(name)) continue
      const inside = [...place, name]
      const stats = await lstatOrNull(path.join(root, ...inside))
      if (stats?.isDirectory()) yield* walk(root, inside, isVersion)
      else yield { kind: stats?.isFile() === false ? 'strange' : 'file', place: inside, isVersion }
    }
  } catch (error) {
    const code = errorCode(error)
    // Removed since it was listed, or there are no versions yet.
    if (isGone(code)) return
    if (code === null) throw error
    yield { kind: 'unreadable', code, place: [...place], isVersion }
  }
}

/** Identifies the row of a file. */
interface RowName {
  folder: string
  directory: string
  path: string
  version: string
  depth: number
}

/** Returns the rows that may describe a file, the likeliest first; empty: it is in no source's directory. */
function rowsFor({ place, isVersion }: Pick<FoundEntry, 'place' | 'isVersion'>): RowName[] {
  // A version's path begins with .holdfast/versions.
  const [folder, directory, ...parts] = isVersion ? place.slice(2) : place
  if (folder === undefined || directory === undefined || parts.length === 0) return []
  if (!isVersion) return [{ folder, directory, path: parts.join('/'), version: '', depth: 0 }]
  const rows: RowName[] = []
  for (let depth = parts.length - 1; depth > 0; depth -= 1) {
    const version = versionNameAsGiven(parts[depth] ?? '')
    if (!isVersionName(version)) continue
    const rest = [...parts.slice(0, depth), ...parts.slice(depth + 1)]
    rows.push({ folder, directory, path: rest.join('/'), version, depth })
  }
  return rows
}
