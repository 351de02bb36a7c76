import type { BigIntStats } from 'node:fs'
import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ignoreError } from '../../dropped-errors.ts'
import {
  createNameFilter,
  leftOutBySize,
  type NameFilter,
  oldEnoughAt,
  toNameRules,
} from '../../filter/exclusion-rules.ts'
import type { LedgerEntry, SentEntry } from '../../ledger/contract.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { sameContent } from '../../platform/file-metadata.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import { findNameFault } from '../../protocol/names.ts'
import { hasOwnClosedMark, type Source } from '../../settings/schema.ts'
import type { OwnPlaces } from '../../walk/own-places.ts'
import {
  absolutePath,
  joinRelative,
  type ScannedFile,
  splitPath,
  toScannedFile,
} from '../../walk/scanned-file.ts'
import {
  callOn,
  hasReplacement,
  type Skipped,
  specialType,
  type Unsendable,
  walk,
  walkRegions,
} from '../../walk/walk.ts'
import { type ExaminedFile, isAtWork, probeWriters } from '../../watch/open-writers.ts'
import { readBatches } from '../batch/read-batches.ts'
import { type BatchDecision, decideBatches } from '../batch/rules.ts'
import { isSameInode, isUnproven, mayBeMarked, NO_MARKS } from '../reconcile/ledger-diff.ts'

/** A path of a source that a scan would send (`why` is null), or would not send for the reason `why`. */
export interface ListedPath {
  /** Relative to the source, with "/". */
  path: string
  /** Bytes; null if it is not a file that could be read. */
  size: number | null
  why: Message | null
  /** The error of the last transfer, if a failed transfer is the reason. */
  reason?: Message
}

export interface ListOptions {
  source: Source
  /** Where the system cannot show writers, a file counts as finished after this time without a change. */
  quietSeconds: number
  /** Holdfast's own directories and key files, which are never sent. */
  own: OwnPlaces
  /** Returns the ledger's entry of its path; without this function only the marks on disk count. */
  lookup?: (file: ScannedFile) => LedgerEntry | null
  /** Returns the ledger's entry of a file that was sent under another name. */
  sentAs?: (file: ScannedFile) => SentEntry | null
  /** When the source was first seen, from the ledger. */
  adoptedNs?: bigint | null
  /** Lists only what is left to send. */
  onlyLeft?: boolean
  /** Aborts the listing as soon as the disk has answered. */
  signal?: AbortSignal
}

/**
 * Lists what a scan of the source would send now, and why it would not send the rest; it changes nothing.
 * Batch directories come oldest first. Throws a UserError if the source's directory cannot be listed.
 */
export async function* listCandidates(options: ListOptions): AsyncGenerator<ListedPath> {
  const { source } = options
  await options.own.refresh()
  try {
    if (source.kind === 'continuous') yield* listTree(options, '', null)
    else yield* listBatches(options)
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (code === 'ENOTDIR') throw new UserError('scan.list.notDirectory', { path: source.path })
    throw new UserError('scan.list.failed', { path: source.path, reason: code }, { cause: error })
  }
}

/** A path of a source as it is on the disk. */
export type SeenPath =
  | { here: 'file'; size: number; modifiedNs: bigint; scanned: ScannedFile; why: Message | null }
  /** target: the absolute path where the link, and then the path, leads. */
  | { here: 'link'; target: string; why: null }
  | { here: 'directory' | 'other' | 'gone' | 'unreadable'; why: Message | null }

/**
 * Looks at one path, and decides as `listCandidates` if a scan would send it. Symbolic links are not followed.
 * @param path relative to the source, with "/"; '' is the source.
 */
export async function examinePath(options: ListOptions, path: string): Promise<SeenPath> {
  const { source, own } = options
  const names = createNameFilter(toNameRules(source))
  await own.refresh()
  const parts = path === '' ? [] : path.split('/')
  const root = await lookAt(source, '')
  let seen = root
  for (const [index] of parts.entries()) {
    const at = parts.slice(0, index + 1).join('/')
    const isLast = at === path
    seen = await lookAt(source, at)
    if (typeof seen === 'string') break
    if (seen.isSymbolicLink()) {
      const link = absolutePath(source.path, at)
      const target = await callOn(source.path, () => readlink(link))
      const rest = parts.slice(index + 1)
      return { here: 'link', target: resolve(dirname(link), target, ...rest), why: null }
    }
    const leftOut = isLast && !seen.isDirectory() ? null : names.directory(at)
    if (leftOut !== null) return toLeftOut(source, path, whySkipped({ why: leftOut, path: at }, names))
    if (own.has(seen)) return toLeftOut(source, path, message('scan.why.own'))
    if (source.oneFileSystem && typeof root !== 'string' && seen.dev !== root.dev)
      return toLeftOut(source, path, message('scan.why.otherFileSystem'))
  }
  if (typeof seen === 'string') return explainAbsent(source, path, seen)
  if (seen.isDirectory()) return { here: 'directory', why: null }
  if (!seen.isFile()) return { here: 'other', why: message('scan.why.notFile', { type: specialType(seen) }) }
  const scanned = toScannedFile(path, seen)
  const facts = { here: 'file' as const, size: scanned.size, modifiedNs: scanned.mtimeNs, scanned }
  const decision = await findBatch(options, path)
  const since = decision?.foreignSinceNs ?? null
  const leftOut = names.file(path)
  if (leftOut === null) return { ...facts, ...(await explain(options, scanned, since)) }
  if (isLeftBehind(source, decision, leftOut, path))
    return { ...facts, why: (await leftBehind(options, path, since)).why }
  return { ...facts, why: whySkipped({ why: leftOut, path }, names) }
}

/** Lists what is below a directory of a source, as `listCandidates`. */
export async function* listBelow(options: ListOptions, directory: string): AsyncGenerator<ListedPath> {
  if (directory === '') yield* listCandidates(options)
  else yield* listTree(options, directory, await findBatch(options, directory))
}

/** Returns the metadata, or the code of the system's error. */
const lookAt = ({ path: root }: Source, path: string): Promise<BigIntStats | string> =>
  callOn(root, () => (path === '' ? stat : lstat)(absolutePath(root, path), { bigint: true })).catch(
    (error) => {
      const code = errorCode(error)
      if (code === null) throw error
      return code
    },
  )

async function toLeftOut(source: Source, path: string, why: Message): Promise<SeenPath> {
  const seen = await lookAt(source, path)
  if (typeof seen === 'string') return explainAbsent(source, path, seen)
  if (!seen.isFile()) return { here: seen.isDirectory() ? 'directory' : 'other', why }
  const scanned = toScannedFile(path, seen)
  return { here: 'file', size: scanned.size, modifiedNs: scanned.mtimeNs, scanned, why }
}

/** Explains an error. A name with other bytes than UTF-8 cannot be passed on, so its file seems to be missing. */
async function explainAbsent(source: Source, path: string, code: string): Promise<SeenPath> {
  if (!isGone(code)) return { here: 'unreadable', why: message('scan.why.unreadable', { reason: code }) }
  const [directory, name] = splitPath(path)
  if (!hasReplacement(name)) return { here: 'gone', why: null }
  const names = await callOn(source.path, () => readdir(absolutePath(source.path, directory))).catch(
    ignoreError('a directory that cannot be listed has no such name', [] as string[]),
  )
  return names.includes(name) ? { here: 'other', why: message('scan.why.name') } : { here: 'gone', why: null }
}

/** Returns the decision about the batch directory of a path; null: it is in none. */
async function findBatch({ source }: ListOptions, path: string): Promise<BatchDecision | null> {
  if (source.kind === 'continuous') return null
  const [first] = path.split('/')
  const { batches } = await readBatches(source.path, source, createNameFilter(toNameRules(source)))
  return decideBatches(batches, hasOwnClosedMark(source.batch)).find(({ name }) => name === first) ?? null
}

/** True if a file that is skipped in other directories is sent with its closed batch directory. */
function isLeftBehind(
  { batch }: Source,
  decision: BatchDecision | null,
  why: Skipped['why'],
  path: string,
): boolean {
  const closedMark = joinRelative(decision?.name ?? '', batch.closedMark)
  const isOwnMark = why === 'mark' && path === closedMark && hasOwnClosedMark(batch)
  return decision?.closed === true && (why === 'temporary' || isOwnMark)
}

async function* listBatches(options: ListOptions): AsyncGenerator<ListedPath> {
  const { source } = options
  const { batchPrefix: _, ...rules } = toNameRules(source)
  // Paths outside batch directories are listed, too.
  const filter = createNameFilter(rules)
  const { batches, unsendable, skipped } = await readBatches(source.path, source, filter)
  for (const one of unsendable) yield { path: `${one.path}/`, size: null, why: whyUnsendable(one) }
  for (const one of skipped) yield { path: `${one.path}/`, size: null, why: whySkipped(one, filter) }
  const decisions = decideBatches(batches, hasOwnClosedMark(source.batch))
  for (const decision of decisions) yield* listTree(options, decision.name, decision)
  const why = message('scan.why.notBatch')
  const others = (await readdir(source.path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(source.batch.prefix))
    .map(({ name }) => name)
    .filter((name) => filter.directory(name) === null)
  for (const name of others) yield { path: `${name}/`, size: null, why }
  const listed = new Set([...unsendable, ...skipped].map(({ path }) => path).concat(others))
  for await (const beside of walk({ ...walkOptions(options, ''), filter, recursive: false })) {
    for (const { path, size } of beside.files) yield { path, size, why }
    for (const one of beside.skipped) {
      if (!listed.has(one.path)) yield { path: one.path, size: null, why: whySkipped(one, filter) }
    }
    for (const one of beside.unsendable) {
      throwIfAll(one)
      // Its own error does not matter: files outside batch directories are never sent.
      if (!listed.has(one.path)) yield { path: one.path, size: null, why }
    }
  }
}

/** Throws if the source itself could not be listed. */
function throwIfAll(one: Unsendable): void {
  if (one.path === '' && one.why === 'directory') throw Object.assign(new Error(one.code), { code: one.code })
}

async function* listTree(
  options: ListOptions,
  base: string,
  decision: BatchDecision | null,
): AsyncGenerator<ListedPath> {
  const since = decision?.foreignSinceNs ?? null
  const names = createNameFilter(toNameRules(options.source))
  for await (const { files, skipped, unsendable } of walkRegions(walkOptions(options, base))) {
    for (const one of unsendable) {
      throwIfAll(one)
      yield { path: one.path, size: null, why: since === null ? whyUnsendable(one) : whySent(options) }
    }
    for (const one of skipped) {
      if (isLeftBehind(options.source, decision, one.why, one.path))
        yield await leftBehind(options, one.path, since)
      else yield { path: one.path, size: null, why: whySkipped(one, names) }
    }
    const verdicts = await Promise.all(files.map((file) => explain(options, file, since)))
    for (const [index, { path, size }] of files.entries())
      yield { path, size, ...(verdicts[index] ?? { why: null }) }
  }
}

/** Examines a file in a closed batch directory that is skipped in others: its temporary name, or its mark, counts there. */
async function leftBehind(options: ListOptions, path: string, since: bigint | null): Promise<ListedPath> {
  const quietMs = options.quietSeconds * 1000
  const seen = await probeWriters(options.source.path, path)
  if (!('scanned' in seen) || isAtWork(seen, { quietMs, isClosed: true }))
    return { path, size: null, why: message('scan.why.writing') }
  const { scanned } = seen
  return { path, size: scanned.size, ...(await explain(options, scanned, since, { state: 'free', scanned })) }
}

function walkOptions({ source, own, signal }: ListOptions, base: string) {
  return {
    root: source.path,
    base,
    own,
    filter: createNameFilter(toNameRules(source)),
    scope: { oneFileSystem: source.oneFileSystem, away: () => [] },
    signal: signal ?? new AbortController().signal,
  }
}

type Verdict = Pick<ListedPath, 'why' | 'reason'>

/**
 * @param since see foreignSinceNs of BatchMetadata.
 * @param seen result of an examination, if there was one.
 */
async function explain(
  options: ListOptions,
  file: ScannedFile,
  since: bigint | null,
  seen?: ExaminedFile,
): Promise<Verdict> {
  const known = options.lookup?.(file) ?? null
  const isForeign = known === null && since !== null && file.ctimeNs <= since
  if (isForeign && leftOutBySize(options.source, file.size) === null) return { why: whySent(options) }
  if (known === null || !sameContent(file, known)) {
    const isSent = known === null ? explainMark(options, file) : null
    return { why: isSent ?? (await whyNot(options, file, seen)) }
  }
  if (known.state === 'waiting') return { why: whyYoung(options, file) ?? whyInUse(options, known) }
  if (known.state === 'sent') return { why: message('scan.why.sent') }
  const { reason } = known
  return { why: message('scan.why.parked'), ...(reason === null ? {} : { reason }) }
}

/**
 * Returns why the group-write bit keeps a file from being sent that the ledger does not know by its name; null: it is
 * sent.
 */
function explainMark({ source, adoptedNs, sentAs }: ListOptions, file: ScannedFile): Message | null {
  // Windows keeps no such bit.
  const adopted = source.kind === 'batch' && process.platform !== 'win32' ? (adoptedNs ?? null) : NO_MARKS
  if (!mayBeMarked(file, adopted)) return null
  const sent = sentAs?.(file) ?? null
  if (sent === null) return isUnproven(file, adopted) ? message('scan.why.transferred') : null
  return sameContent(file, sent) && isSameInode(file, sent) ? message('scan.why.sent') : null
}

async function whyNot(options: ListOptions, file: ScannedFile, seen?: ExaminedFile): Promise<Message | null> {
  const { source } = options
  const bySize = leftOutBySize(source, file.size)
  if (bySize === 'too-small') return message('scan.why.tooSmall', { least: source.minimumBytes ?? 0 })
  if (bySize === 'too-large') return message('scan.why.tooLarge', { most: source.maximumBytes ?? 0 })
  // Checked as for Linux, whatever the receiver's system: names that only Windows refuses are rejected by the receiver.
  // A path of a real file has no other fault.
  if (findNameFault(file.path, 'linux') !== null) return message('scan.why.nameLong')
  const found = seen ?? (await probeWriters(source.path, file.path))
  if (found.state === 'busy') return message('scan.why.writing')
  if ('code' in found && found.code !== null) return message('scan.why.unreadable', { reason: found.code })
  const young = whyYoung(options, file)
  if (young !== null) return young
  if (found.state === 'unknown' && isRecent(file, options.quietSeconds)) return message('scan.why.changing')
  return null
}

/** Returns that what is left waits for a program at the destination, which may never close the stored file; or null. */
function whyInUse({ onlyLeft }: ListOptions, { reason }: LedgerEntry): Message | null {
  return onlyLeft === true && reason?.key === 'transfer.storedInUse' ? reason : null
}

/** Returns that the file is below the source's minimum age, or null. */
function whyYoung({ source: { minimumAgeSeconds } }: ListOptions, file: ScannedFile): Message | null {
  const now = Date.now()
  const isYoung = oldEnoughAt(minimumAgeSeconds, file, now) > now
  return isYoung ? message('scan.why.tooYoung', { age: minimumAgeSeconds * 1000 }) : null
}

function isRecent({ mtimeNs }: ScannedFile, quietSeconds: number): boolean {
  return Date.now() - Number(mtimeNs / 1_000_000n) < quietSeconds * 1000
}

const WHY_SKIPPED: Record<Skipped['why'], WordKey> = {
  own: 'scan.why.own',
  'own-place': 'scan.why.own',
  mark: 'scan.why.mark',
  temporary: 'scan.why.temporary',
  ignored: 'scan.why.ignored',
  hidden: 'scan.why.hidden',
  'not-batch': 'scan.why.notBatch',
  'not-a-file': 'scan.why.notFile',
  'other-file-system': 'scan.why.otherFileSystem',
}

const whySent = ({ source }: ListOptions): Message =>
  message('scan.why.batchSent', { mark: source.batch.sentMark })

function whySkipped(skipped: Skipped, names: NameFilter): Message {
  const { why, path } = skipped
  if (why === 'not-a-file') return message(WHY_SKIPPED[why], { type: skipped.type })
  if (why !== 'ignored') return message(WHY_SKIPPED[why])
  // The path may be a directory, whose patterns end with "/".
  return message(WHY_SKIPPED[why], {
    pattern: names.findPattern(path) ?? names.findPattern(`${path}/`) ?? '',
  })
}

function whyUnsendable(unsendable: Unsendable): Message {
  if (unsendable.why === 'name') return message('scan.why.name')
  return message('scan.why.unreadable', { reason: unsendable.code })
}
