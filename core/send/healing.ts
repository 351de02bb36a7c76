import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import path from 'node:path'
import { NONCE_BYTES, type Outgoing, type OutgoingSource, type Session } from '../backends/destination.ts'
import type { HealRow } from '../ledger/damaged.ts'
import type { DamagedFile, Ledger, TransferResult } from '../ledger/ledger.ts'
import { createSemaphore } from '../lib/async/semaphore.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { computeDigest, createHasher, digestText } from '../platform/digest.ts'
import type { FileMetadata } from '../platform/file-metadata.ts'
import { errorText } from '../platform/system-error.ts'
import { decodeMetadata, isEncodedMetadata } from '../protocol/metadata-codec.ts'
import { isLarge } from './transfer/source-worker.ts'

// Gives a destination the contents again that it lost and that are no longer at their sources. The plan finds, for each
// damaged file, the destinations that have its content. Another process fetches the contents from there into a directory
// (core/restore/fetch.ts). They are read from it, compared with the recorded digest, stored under the same names, and
// then proven by the destination.

/** Bytes of a large file that are read at a time. */
const CHUNK_BYTES = 256 * 1024
/** Files that are stored at the same time, so that they share the syncs there. A larger one is stored alone. */
const TOGETHER = 32
const ALONE_BYTES = 1024 * 1024

type HealLedger = Pick<
  Ledger,
  | 'damagedFiles'
  | 'clearDamaged'
  | 'healRow'
  | 'isReplaced'
  | 'sentFile'
  | 'isDamaged'
  | 'markHealed'
  | 'offerAgain'
  | 'endDamaged'
>

/** A damaged file, and the destinations that have its content. */
export interface PlannedFile {
  file: DamagedFile
  from: string[]
}

export interface HealPlan {
  files: PlannedFile[]
  /** Number of files that their sources send again. */
  resent: number
  /** Files that were sent again since. */
  sentAgain: DamagedFile[]
  /** Files whose content no other destination has. */
  lost: DamagedFile[]
  /** Number of files of sources that are paused, or no longer sent to this destination. */
  skipped: number
  /** The last file of the plan, behind which the next one begins; null: there is none. */
  next: Pick<DamagedFile, 'source' | 'path'> | null
}

/**
 * Plans the next files. Findings about files that were sent again since are forgotten.
 * @param sources ids of the sources whose files may be stored now; files of the others are skipped.
 * @param others ids of the other destinations.
 */
export function planHealing(
  ledger: HealLedger,
  destination: string,
  sources: ReadonlySet<string>,
  others: readonly string[],
  after: HealPlan['next'],
): HealPlan {
  const plan: HealPlan = { files: [], resent: 0, sentAgain: [], lost: [], skipped: 0, next: null }
  const page = ledger.damagedFiles(destination, after)
  const over: DamagedFile[] = []
  const sentAgain: DamagedFile[] = []
  for (const file of page) {
    if (!sources.has(file.source)) {
      plan.skipped += 1
      continue
    }
    const row = ledger.healRow(destination, file)
    const sentAt = row?.sentAt ?? 0
    const known = { path: file.path, size: file.size, digest: null, sentAt }
    if (sentAt > file.at) sentAgain.push(file)
    else if (row === null || ledger.isReplaced(destination, file.source, known)) over.push(file)
    else if (row.state === WAITING) plan.resent += 1
    else {
      const from = others.filter((other) => {
        const there = ledger.sentFile(other, file.source, file.path)
        const has = there?.digest != null && there.size === file.size
        return has && digestText(there.digest ?? NONE) === file.digest && !ledger.isDamaged(other, file)
      })
      if (from.length > 0) plan.files.push({ file, from })
      else plan.lost.push(file)
    }
  }
  if (over.length > 0) ledger.clearDamaged(destination, over)
  if (sentAgain.length > 0) plan.sentAgain = ledger.endDamaged(destination, sentAgain)
  const last = page.at(-1)
  return { ...plan, next: last === undefined ? null : { source: last.source, path: last.path } }
}

const WAITING = 0
const NONE = new Uint8Array(0)

/** A fetched file. */
export interface FetchedFile {
  file: DamagedFile
  /** Names in the directory. */
  content: string
  facts: string
}

export interface HealedFiles {
  /** Files that the destination has proven, by their place in the list. */
  healed: number[]
  /** Files that were not stored, by their place in the list, with the reason; null: the session has ended. */
  failed: [index: number, reason: Message | null][]
}

interface HealHost {
  ledger: HealLedger
  /** The destination. */
  id: string
  name: string
  /** Returns null while nothing may be sent. */
  session(): Session | null
  findSource(id: string): OutgoingSource | null
  /** Keeps a path from being sent until the returned function is called; null: it is being sent. */
  hold(file: Pick<DamagedFile, 'source' | 'path'>): (() => void) | null
  /** Called with the number of bytes that were handed over. */
  onBytes(bytes: number): void
}

interface Loaded {
  file: DamagedFile
  outgoing: Outgoing
  content: string
  generation: number
}

/** Stores fetched files, and has the destination prove that it has them. */
export async function storeFetched(
  host: HealHost,
  directory: string,
  files: readonly FetchedFile[],
): Promise<HealedFiles> {
  const result: HealedFiles = { healed: [], failed: [] }
  const slots = createSemaphore(TOGETHER)
  const storeNext = async (index: number, { file, content, facts }: FetchedFile): Promise<void> => {
    const session = host.session()
    if (session === null) {
      result.failed.push([index, null])
      return
    }
    const source = host.findSource(file.source)
    // Paused or removed since the plan: the next plan leaves its files out.
    if (source === null) return
    const release = host.hold(file)
    // Its newer content is being sent, or its times are set.
    if (release === null) {
      result.failed.push([index, null])
      return
    }
    try {
      const metadata = readFacts(await readFile(path.join(directory, facts), 'utf8'), file.size)
      const row = findRow(host, file)
      // Newer content was found at the source: the next plan forgets the finding once that was sent.
      if (row === null) return
      const outgoing = { source, path: file.path, facts: metadata, storedAt: row.sentAt ?? undefined }
      const { generation } = row
      const loaded = { file, outgoing, content: path.join(directory, content), generation }
      const failure = await storeOne(host, session, loaded)
      if (failure === undefined) result.healed.push(index)
      else result.failed.push([index, failure])
    } catch (error) {
      const reason = errorText(error)
      result.failed.push([index, message('heal.failed', { path: file.path, name: host.name, reason })])
    } finally {
      release()
    }
  }
  await Promise.all(
    files.map(async (one, index) => {
      const share = one.file.size > ALONE_BYTES ? TOGETHER : 1
      await slots.acquire(share)
      await storeNext(index, one)
      slots.release(share)
    }),
  )
  return result
}

/** Returns a file's row; null: it has other content by now. */
function findRow({ ledger, id }: HealHost, file: DamagedFile): HealRow | null {
  const row = ledger.healRow(id, file)
  if (row === null || row.state === WAITING || row.digest === null) return null
  return digestText(row.digest) === file.digest ? row : null
}

/** Stores one file; returns undefined if the destination has proven that it has it, else the reason. */
async function storeOne(
  host: HealHost,
  session: Session,
  { file, outgoing, content, generation }: Loaded,
): Promise<Message | null | undefined> {
  const { ledger, id, name } = host
  const words = { path: file.path, name }
  const behind = createHasher()
  const nonce = randomBytes(NONCE_BYTES)
  behind.update(nonce)
  const read = (bytes: Uint8Array) => {
    behind.update(bytes)
    host.onBytes(bytes.length)
  }
  const send = isLarge(file.size, session) ? sendLarge : sendSmall
  const stored = await send(session, outgoing, content, file, read)
  if (stored === 'other') return message('heal.otherContent', words)
  if (stored.kind !== 'stored') return 'reason' in stored ? stored.reason : null
  const seal = stored.seal ?? null
  const proof = await session.prove(outgoing.source, file.path, file.size, nonce, seal)
  if (proof.kind === 'unavailable' && session.closed) return null
  const isProven =
    // In cold storage only the store's own record of it can be asked for.
    proof.kind === 'sealed' ||
    proof.kind === 'cold' ||
    (proof.kind === 'digest' && behind.digest().equals(proof.digest))
  if (!isProven) return message('heal.notProven', words)
  // The source got a file of this name meanwhile: it is sent again, so that its content becomes the current one.
  const isOther = findRow(host, file)?.generation !== generation
  ledger.markHealed(id, [{ ...file, position: stored.position, seal }])
  if (isOther) ledger.offerAgain(id, [[file.source, file.path]])
  return undefined
}

/** `other`: the file does not have the recorded content. */
type Stored = TransferResult | 'other'

async function sendSmall(
  session: Session,
  outgoing: Outgoing,
  content: string,
  file: DamagedFile,
  read: (bytes: Uint8Array) => void,
): Promise<Stored> {
  const bytes = await readFile(content)
  const digest = computeDigest(bytes)
  if (digestText(digest) !== file.digest || bytes.length !== file.size) return 'other'
  read(bytes)
  const result = Promise.withResolvers<TransferResult>()
  const sending = session.sendSmall([{ ...outgoing, bytes, digest }], [], {
    onTurn: () => true,
    onUsed: () => undefined,
    onResult: (_, given) => result.resolve(given),
  })
  // A session that ends before the line has taken the file may give no result.
  void sending.then(() => {
    if (session.closed) result.resolve({ kind: 'lost' })
  }, result.reject)
  return result.promise
}

/** Sends a large file in chunks. It gets its name only after all of it was compared with the recorded digest. */
async function sendLarge(
  session: Session,
  outgoing: Outgoing,
  content: string,
  file: DamagedFile,
  read: (bytes: Uint8Array) => void,
): Promise<Stored> {
  await using handle = await open(content, 'r')
  const upload = await session.begin(outgoing, [])
  if (upload === null) return { kind: 'lost' }
  const hasher = createHasher()
  let size = 0
  for (;;) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, size)
    if (bytesRead === 0) break
    const bytes = buffer.subarray(0, bytesRead)
    hasher.update(bytes)
    read(bytes)
    size += bytesRead
    if (!(await upload.chunk(bytes))) return await upload.abort(false)
  }
  const digest = hasher.digest()
  if (digestText(digest) === file.digest && size === file.size) return await upload.end(digest)
  await upload.abort(false)
  return 'other'
}

/** Parses the metadata that core/restore/fetch.ts wrote. @throws Error if it is not that. */
function readFacts(text: string, size: number): FileMetadata {
  const value: unknown = JSON.parse(text, (_, member: unknown) => {
    const { base64 } = Object(member)
    return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : member
  })
  if (!isEncodedMetadata(value)) throw new Error('its metadata cannot be read')
  return decodeMetadata(value, size)
}
