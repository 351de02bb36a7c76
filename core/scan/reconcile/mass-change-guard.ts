import { closeSync, createReadStream } from 'node:fs'
import path from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { defer } from '../../defer.ts'
import { ignoreError } from '../../dropped-errors.ts'
import { attempt, type Ledger } from '../../ledger/ledger.ts'
import type { Held } from '../../ledger/queue.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { LATE, throttle, withTimeout } from '../../lib/async/timing.ts'
import { createHasher, digestText } from '../../platform/digest.ts'
import { READ_FILE, readFully } from '../../platform/fd.ts'
import { type ContentIdentity, sameContent } from '../../platform/file-metadata.ts'
import { lstatExactOrNull } from '../../platform/files.ts'
import { openBeneath } from '../../platform/openat2.ts'
import type { Source } from '../../settings/schema.ts'
import { absolutePath, type ScannedFile } from '../../walk/scanned-file.ts'
import { callOn } from '../../walk/walk.ts'

// Detects that many files of a source lose their content: a disk fault and its repair (fsck), or a program that
// encrypts files. Each changed file is classified (pure). A lost content is searched for in the files that came into
// the source within the last hour: under its inode, under a name that extends its own by a number or a date, which is a
// rotation however it is compressed, and by its digest. If too many stay lost, the source is put on hold and a person
// decides. A program that encrypts files extends their names by words (report.doc.locked), which is no rotation; one
// that begins its ending with a number would be taken as one, since its output is as unreadable as xz's to Node.js.

/** Only changes within this time count. */
const COUNTED_MS = 60 * 60_000
/** A suspect is sent this much later: more may follow, and then the source is put on hold. */
export const WAIT_MS = 10_000

/** A file lost its content if it is empty, or less than this share of the sent size is left. */
const LEFT_SHARE = 0.5
/** From this number of files, if they are at least this share of all sent files, it is an incident. */
const LOST = { files: 10, share: 0.2 }
/**
 * The same for content that was replaced in place, without growing by more than `grown`, in a file unchanged for
 * `restedMs`.
 */
const CHANGED = { files: 50, share: 0.5, grown: 1.1, restedMs: 24 * 3_600_000 }

/** Changes are collected for this long before the decision: a rotated log has its new name by then. */
const DECIDE_AFTER_MS = 2_000

/**
 * The source is on hold and contents are searched for this long before a person is asked: copies on a slow disk come
 * late.
 */
const ASK_AFTER_MS = 10_000
/** Time limit of a search for lost contents; contents not found by then count as lost until they are found. */
const SEARCH_MS = 60_000

/** Files that came into the source in the last hour are remembered, at most this many for each source. */
const MOST_ARRIVALS = 10_000

const READ_BYTES = 1 << 18

const NOT_SEARCHED = 'a file that cannot be read does not have the content that is looked for'

/** lost: the file is empty, or most of it is gone; changed: other content has replaced it. */
type Suspicion = 'lost' | 'changed'

/** A content that was sent and has left its path. */
interface Missing {
  path: string
  size: number
  inode: bigint
  /** Digest of the content (platform/digest.ts); null: not known. */
  digest: Uint8Array | null
  at: number
}

interface Arrival {
  path: string
  size: number
  inode: bigint
  at: number
  /** The last round in which it was compared with all missing contents; 0: never. */
  searchedIn: number
}

interface Found {
  lost: Missing
  arrival: Arrival
}

/** Puts a source on hold after many files lost their content, until a person decides or the content is found. */
export type MassChangeGuard = ReturnType<typeof openMassChangeGuard>

interface MassChangeGuardOptions {
  source: Pick<Source, 'id' | 'kind' | 'path'>
  ledger: Ledger
  destinations: readonly string[]
  /** The source was put on hold or released. */
  changed(): void
  /** Files that were on hold may be taken from the queue. */
  offered(): void
  failed(thrown: unknown): void
}

export function openMassChangeGuard({
  source,
  ledger,
  destinations,
  changed,
  offered,
  failed,
}: MassChangeGuardOptions) {
  const { id } = source
  const stopping = new AbortController()
  let held = attempt(() => ledger.held(id), null, failed)
  /**
   * Start of the present search, in milliseconds since 1970: nothing is sent, and no person was asked yet. null: none.
   */
  let searchingSince: number | null = null
  /** Incremented each time that contents go missing. */
  let round = 1
  /** Missing contents, by the paths that had them. */
  const missing = new Map<string, Missing>()
  /** Non-empty files that came into the source, by path, newest last. */
  const arrivals = new Map<string, Arrival>()
  const set = (next: Held | null) => {
    held = next
    changed()
  }
  const release = () => {
    ledger.release(id)
    missing.clear()
    if (held !== null) set(null)
    offered()
  }
  const remember = (files: readonly ScannedFile[], now: number) => {
    for (const { path, size, inode } of files) {
      arrivals.delete(path)
      if (size > 0) arrivals.set(path, { path, size, inode, at: now, searchedIn: 0 })
    }
    for (const [path, { at }] of arrivals) {
      if (arrivals.size <= MOST_ARRIVALS && at >= now - COUNTED_MS) break
      arrivals.delete(path)
    }
  }
  /** Searches for the missing contents. Each arrived file accounts for one content. */
  const search = async (look: typeof findContents, among: readonly Arrival[]) => {
    const found = await look(source.path, [...missing.values()], among, stopping.signal, round)
    for (const { lost, arrival } of found) {
      missing.delete(lost.path)
      arrivals.delete(arrival.path)
    }
    if (found.length === 0 || stopping.signal.aborted) return
    ledger.clearSuspects(
      id,
      found.map(({ lost }) => lost.path),
    )
    offered()
  }
  const count = () => {
    const now = Date.now()
    if (held === null) {
      ledger.forgetSuspects(id, now - COUNTED_MS)
      for (const [path, { at }] of missing) if (at < now - COUNTED_MS) missing.delete(path)
    }
    const found = ledger.countSuspects(id, held === null ? now - COUNTED_MS : 0)
    const sent = Math.max(0, ...destinations.map((one) => ledger.totals(one)[id]?.sentFiles ?? 0))
    return { ...found, known: sent + found.lost + found.changed }
  }
  /** Holds the files of an incident back while their contents are searched for. Returns false if there is none. */
  const holdForSearch = (): boolean => {
    const counts = count()
    if (!isIncident(counts)) return false
    searchingSince = Date.now()
    ledger.hold(id, { ...counts, since: searchingSince })
    return true
  }
  const searchUnread = async () => {
    // A copy may have been made before its file was emptied. While a person is asked, each file is read only once.
    const isUnread = ({ searchedIn }: Arrival) => searchedIn < (held === null ? round : 1)
    const unread = [...arrivals.values()].reverse().filter(isUnread)
    if (missing.size > 0 && unread.length > 0) await search(findContents, unread)
  }
  /** Acts on the contents that stay missing: releases the source, waits for copies, or asks a person. */
  const conclude = () => {
    const counts = count()
    if (held === null && !isIncident(counts)) {
      ledger.releaseHold(id)
      searchingSince = null
      return offered()
    }
    if (searchingSince !== null && Date.now() < searchingSince + ASK_AFTER_MS) return decideLater()
    if (held !== null && counts.lost + counts.changed === 0) return release()
    if (held !== null && JSON.stringify({ ...held, ...counts }) === JSON.stringify(held)) return
    const next = { ...counts, since: held?.since ?? Date.now() }
    ledger.hold(id, next)
    searchingSince = null
    set(next)
  }
  const decide = async () => {
    // By name first: the inode of a file that was packed may belong to the packed form of another one.
    if (missing.size > 0) await search(findRotated, [...arrivals.values()])
    if (missing.size > 0) await search(findMoved, [...arrivals.values()])
    if (stopping.signal.aborted) return
    if (held === null && searchingSince === null && !holdForSearch()) return
    await searchUnread()
    if (!stopping.signal.aborted) conclude()
  }
  const deciding = new Rerun(decide, (thrown) => {
    failed(thrown)
    decideLater()
  })
  const decideLater: ReturnType<typeof throttle> = throttle(DECIDE_AFTER_MS, () => void deciding.request())
  // An earlier process may have ended before it decided.
  decideLater()

  return {
    /**
     * Records files that will be offered next. Returns the paths that must wait for WAIT_MS. Throws the ledger's
     * errors.
     */
    notice(files: readonly ScannedFile[]) {
      const scanned = new Map(files.map((file) => [file.path, file]))
      const now = Date.now()
      remember(files, now)
      const known = ledger.suspected(id, [...scanned.keys()])
      const back = known.filter((one) => isBack(one, scanned.get(one.path) ?? one))
      const fresh = destinations.flatMap((one) => ledger.earlier(one, id, files))
      const suspects = fresh.flatMap((before) => {
        const after = scanned.get(before.path)
        const suspicion =
          after === undefined ? null : classifyChange(before, after, source.kind === 'batch', now)
        return after === undefined || suspicion === null || isRenamed(before, after)
          ? []
          : [{ ...before, suspicion }]
      })
      if (back.length > 0) {
        const paths = back.map(({ path }) => path)
        ledger.removeSuspects(id, paths)
        for (const path of paths) missing.delete(path)
      }
      if (suspects.length > 0) {
        ledger.addSuspects(id, suspects, now)
        round += 1
      }
      for (const { path, size, inode, digest } of suspects)
        if (missing.size < MOST_ARRIVALS) missing.set(path, { path, size, inode, digest, at: now })
      if (back.length + missing.size > 0) decideLater()
      return new Set(suspects.map(({ path }) => path))
    },
    held: () => held,
    /** A person decided to send everything in its present state. */
    release,
    /** Returns the present suspects; at most `limit` paths. */
    paths: (limit: number) => ledger.suspectPaths(id, limit),
    stop() {
      stopping.abort()
      deciding.stop()
      decideLater.stop()
    },
  }

  /** True if an empty file that was sent under another name has been moved here: a rename, not a lost content. */
  function isRenamed(before: ContentIdentity, after: ScannedFile): boolean {
    if (before.inode === after.inode) return false
    return destinations.some((one) => {
      const sent = ledger.sentAs(one, id, after)
      return sent !== null && sameContent(sent, after)
    })
  }
}

/**
 * Classifies a change of one file; null: harmless. Appending makes a file longer; saving a document or copying it again
 * mostly gives it a new inode.
 *
 * @param before the file as it was sent.
 * @param isBatch true for a batch source: its producer may rewrite files, so only an emptied file is suspicious.
 * @param nowMs milliseconds since 1970.
 */
export function classifyChange(
  before: ContentIdentity,
  now: ContentIdentity,
  isBatch: boolean,
  nowMs: number,
): Suspicion | null {
  if (before.size === 0) return null
  if (now.size === 0) return 'lost'
  if (isBatch) return null
  // The name belongs to a new file with content: the earlier one was renamed or removed.
  if (now.inode !== before.inode) return null
  if (now.size < before.size * LEFT_SHARE) return 'lost'
  const isInPlace = now.mtimeNs !== before.mtimeNs
  const hadRested = nowMs - Number(before.mtimeNs / 1_000_000n) > CHANGED.restedMs
  return isInPlace && hadRested && now.size <= before.size * CHANGED.grown ? 'changed' : null
}

/** True if a suspect has recovered: its content is back, or as much of it as does not count as lost. */
export function isBack(before: ContentIdentity & { suspicion: Suspicion }, now: ContentIdentity): boolean {
  if (before.suspicion === 'lost') return now.size >= before.size * LEFT_SHARE
  const apartNs = now.mtimeNs - before.mtimeNs
  // SFTP keeps whole seconds.
  return now.size === before.size && apartNs < 2_000_000_000n && apartNs > -2_000_000_000n
}

/** True if the counts of a source exceed the thresholds. @param known files that were sent. */
export function isIncident({
  lost,
  changed,
  known,
}: {
  lost: number
  changed: number
  known: number
}): boolean {
  const isLost = lost >= LOST.files && lost >= known * LOST.share
  return isLost || (changed >= CHANGED.files && changed >= known * CHANGED.share)
}

/** Finds contents whose file was renamed. */
async function findMoved(
  root: string,
  wanted: readonly Missing[],
  among: readonly Arrival[],
  signal: AbortSignal,
): Promise<Found[]> {
  // A file system without inode numbers gives every file the number 0.
  const byInode = new Map(among.filter(({ inode }) => inode !== 0n).map((one) => [one.inode, one]))
  const found: Found[] = []
  for (const lost of wanted) {
    const arrival = byInode.get(lost.inode)
    if (arrival === undefined || arrival.path === lost.path) continue
    if (signal.aborted) return []
    // A further hard link to the emptied file is empty, too.
    const now = await lookAt(root, arrival)
    if (now === LATE) break
    if (now?.ino !== lost.inode || now.size < BigInt(lost.size)) continue
    found.push({ lost, arrival })
    byInode.delete(lost.inode)
  }
  return found
}

/** Finds contents that were rotated into a file whose name extends theirs by a number, in any directory of the source. */
async function findRotated(
  root: string,
  wanted: readonly Missing[],
  among: readonly Arrival[],
  signal: AbortSignal,
): Promise<Found[]> {
  const byStem = Map.groupBy(wanted, (lost) => path.posix.parse(lost.path).name)
  const found: Found[] = []
  for (const arrival of among) {
    const name = path.posix.basename(arrival.path)
    const match = wordEnds(name).flatMap((end) => {
      const some = byStem.get(name.slice(0, end)) ?? []
      const index = some.findIndex((lost) => insertsNumber(name.slice(end), path.posix.extname(lost.path)))
      return index < 0 ? [] : [{ some, index }]
    })[0]
    if (match === undefined) continue
    if (signal.aborted) return []
    const now = await lookAt(root, arrival)
    if (now === LATE) break
    if (now === null || now.size === 0n) continue
    found.push(...match.some.splice(match.index, 1).map((lost) => ({ lost, arrival })))
  }
  return found
}

/** The number or date of a rotation as a whole word: `.1`, `-20261128`, `-2026-11-28`, `-20261128T0304Z`. */
const NUMBER = /^[^\p{L}\p{N}]+\d[\dTWZ]*(?![\p{L}\p{N}])/iu

/** Returns the positions in a name at which a word ends. */
const wordEnds = (name: string): number[] =>
  [...name.matchAll(/(?<=.)[^\p{L}\p{N}]/gu)].map(({ index }) => index)

/**
 * True if `rest`, the part of a name behind the stem, is the extension with a number before or behind it. Further words
 * may follow, such as the ending of a compressor.
 */
function insertsNumber(rest: string, extension: string): boolean {
  if (extension === '') return NUMBER.test(rest)
  const around = rest.split(extension)
  return around.some(
    (_, index) =>
      index > 0 && NUMBER.test(around.slice(0, index).join(extension) + around.slice(index).join(extension)),
  )
}

/** Returns the status of a file that arrived; null: it is gone or cannot be read. */
const lookAt = (root: string, arrival: Arrival) =>
  withTimeout(
    SEARCH_MS,
    callOn(root, () => lstatExactOrNull(absolutePath(root, arrival.path))).catch(
      ignoreError(NOT_SEARCHED, null),
    ),
  )

/**
 * Finds contents in other files, compressed or not. Only the beginning of a file has to match, since a copy may have
 * grown. Each file is read once.
 */
async function findContents(
  root: string,
  wanted: readonly Missing[],
  among: readonly Arrival[],
  signal: AbortSignal,
  round: number,
): Promise<Found[]> {
  const left = Map.groupBy(
    wanted.filter(({ digest }) => digest !== null),
    ({ digest }) => digestText(digest ?? new Uint8Array()),
  )
  const sizes = [...new Set([...left.values()].map(([lost]) => lost?.size ?? 0))].sort((a, b) => a - b)
  const found: Found[] = []
  const until = AbortSignal.any([signal, AbortSignal.timeout(SEARCH_MS)])
  const searchAll = async () => {
    for (const arrival of among) {
      if (left.size === 0 || until.aborted) return
      const digest = await searchFile(root, arrival.path, sizes, left, until).catch(
        ignoreError(NOT_SEARCHED, null),
      )
      arrival.searchedIn = round
      const same = digest === null ? undefined : left.get(digest)
      const lost = same?.pop()
      if (digest === null || lost === undefined || until.aborted) continue
      if (same?.length === 0) left.delete(digest)
      found.push({ lost, arrival })
    }
  }
  // A disk that hangs does not react to the signal.
  await withTimeout(SEARCH_MS, searchAll())
  return [...found]
}

/**
 * Returns the digest of the longest of these contents with which a file begins; null: none. Throws errors of reading.
 * @param sizes of the contents, ascending.
 */
async function searchFile(
  root: string,
  path: string,
  sizes: readonly number[],
  wanted: ReadonlyMap<string, readonly Missing[]>,
  signal: AbortSignal,
): Promise<string | null> {
  const fd = await callOn(root, () => openBeneath(root, path, READ_FILE))
  const content = await readUnpacked(fd, signal)
  const hasher = createHasher()
  let longest: string | null = null
  let passed = 0
  let next = 0
  using _ = defer(() => content.destroy())
  for await (const piece of content as AsyncIterable<Buffer>) {
    for (let from = 0; from < piece.length; ) {
      const size = sizes[next]
      if (size === undefined) return longest
      const part = piece.subarray(from, from + size - passed)
      hasher.update(part)
      passed += part.length
      from += part.length
      if (passed < size) break
      next += 1
      const digest = digestText(hasher.digest())
      if (wanted.get(digest)?.at(-1)?.path !== path && wanted.has(digest)) longest = digest
    }
  }
  return longest
}

/**
 * Reads a file's content, decompressed if it is gzip (RFC 1952) or Zstandard (RFC 8878). Errors of reading and of
 * decompression are errors of the stream.
 */
async function readUnpacked(fd: number, signal: AbortSignal): Promise<Readable> {
  const beginning = Buffer.alloc(4)
  const length = await readFully(fd, beginning, 0).catch((error) => {
    closeSync(fd)
    throw error
  })
  const file = createReadStream('', { fd, signal, start: 0, highWaterMark: READ_BYTES })
  const magic = beginning.toString('hex', 0, length)
  // pipeline() passes an error of one stream to all of them; a stream without an error listener would end the process.
  if (magic.startsWith('1f8b')) return pipeline(file, zlib.createGunzip(), () => undefined)
  // Node has Zstandard since 22.15.
  if (magic === '28b52ffd' && 'createZstdDecompress' in zlib)
    return pipeline(file, zlib.createZstdDecompress(), () => undefined)
  return file
}
