import { ignoreError, warnUnlessCode } from '../../../dropped-errors.ts'
import { createSemaphore, type Semaphore, withPermit } from '../../../lib/async/semaphore.ts'
import { computeDigest, digestText } from '../../../platform/digest.ts'
import type { FileMetadata } from '../../../platform/file-metadata.ts'
import { chunkBuffers } from '../../../protocol/frame-buffers.ts'
import { findNameFault } from '../../../protocol/names.ts'
import { OWN_DIRECTORY } from '../../../store/layout.ts'
import {
  type Keep,
  replacedAt,
  type Version,
  versionNameAsGiven,
  versionPrefix,
  versionsToPrune,
} from '../../../store/retention/retention.ts'
import { type Bucket, bytesAhead, type RateLease } from '../../rate-limit/limiter.ts'
import type {
  Answer,
  Outgoing,
  OutgoingSource,
  OwnSession,
  SmallEvents,
  SmallOutgoing,
  Upload,
} from '../destination.ts'
import type { OwnFolder } from './folder-owner.ts'
import {
  adoptContent,
  digestAt,
  type FaultyFile,
  isFault,
  isOtherSecond,
  type ObjectFacts,
  type ObjectInfo,
  type ObjectStore,
  type ObjectUpload,
  orIf,
  StoreFault,
  toAnswer,
} from './object-store.ts'

/** The shared parts of a session. */
interface ObjectSessionParts {
  store: ObjectStore
  names: Names
  /**
   * Returns true if the object has this very content, after reading it back and setting its facts. See adoptContent.
   */
  adopt(name: string, facts: ObjectFacts): Promise<boolean>
  /** Notifies the person once if the store cannot keep the file's time. */
  noteTime(file: Outgoing): void
  pace: RateLease
  /** Small objects under way, and their bytes. */
  slots: Semaphore
  bytesOut: Semaphore
  /** Held by the group of small files that waits for the line. */
  smallTurn: Semaphore
  /** Large objects under way. */
  uploads: Semaphore
  /** Aborted when the session closes. */
  signal: AbortSignal
  /** Returns the answer for a fault; closes the session if the connection is lost. */
  answerTo(error: unknown, file: FaultyFile): Answer
}

/** Objects have no position: see Answer. */
const DURABLE: Answer = { kind: 'durable', position: 0 }

const objectFacts = ({ size, mtimeNs, mode }: FileMetadata, digest: Uint8Array | null): ObjectFacts => ({
  size,
  mtimeNs,
  mode,
  digest,
})

const FILES = 256
/** Bytes of small files under way. */
const BYTES_OUT = 16 * 1024 * 1024
/** Large files under way: a store may keep some MiB of each in memory. */
const UPLOADS = 8

interface ObjectSessionOptions {
  /** The destination's name, for messages. */
  name: string
  /** This computer's folder, and its name. */
  own: OwnFolder
  folder: string
  /** Which older versions stay. */
  keep: Keep
  bucket: Bucket
  asksFirst: boolean
  /** False if a stored content can never equal the sent one, as with encryption. */
  compares: boolean
  /** The connection to the store was lost; the session is closed. */
  onLost(reason: unknown): void
  /** The store cannot keep the file's time. */
  onTime(file: Outgoing): void
}

export function openObjectSession(store: ObjectStore, options: ObjectSessionOptions): OwnSession {
  const { name, own, folder, keep, bucket, asksFirst, compares, onLost, onTime } = options
  const ending = new AbortController()
  const { signal } = ending
  const names = openNames(store, { folder, own, keep }, signal)
  const pace = bucket.open()
  const slots = createSemaphore(store.can.parallel)
  const bytesOut = createSemaphore(BYTES_OUT)
  const smallTurn = createSemaphore(1)
  const uploads = createSemaphore(UPLOADS)

  const close = () => {
    ending.abort()
    pace.close()
    for (const semaphore of [slots, bytesOut, smallTurn, uploads]) semaphore.close()
  }
  const answerTo: ObjectSessionParts['answerTo'] = (error, file) => {
    if (signal.aborted) return { kind: 'lost' }
    if (isFault(error, 'lost')) {
      close()
      onLost(error)
    }
    return toAnswer(error, name, file)
  }
  const adopt: ObjectSessionParts['adopt'] = async (at, facts) =>
    compares && adoptContent(store, at, facts, { reads: true }, signal)
  const noteTime: ObjectSessionParts['noteTime'] = (file) => {
    const { mtimeNs } = file.facts
    if (isOtherSecond(store.kept(objectFacts(file.facts, null)).mtimeNs, mtimeNs)) onTime(file)
  }
  const parts: ObjectSessionParts = {
    ...{ store, names, adopt, noteTime, pace, slots, bytesOut, smallTurn, uploads, signal, answerTo },
  }

  return {
    asksFirst,
    // A content known under another name is sent again.
    copies: 'own',
    limits: {
      files: FILES,
      get bytes() {
        return bytesAhead(bucket)
      },
    },

    sendSmall: (files, _directories, events) => sendSmallFiles(parts, files, events),
    begin: (file, _directories, identity) => beginUpload(parts, file, identity),

    async copy(file, _directories, digest, { isTrusted, storedNs }) {
      const { source, path } = file
      const facts = objectFacts(file.facts, digest.length === 0 ? null : digest)
      const looked = withPermit(slots, async () => {
        const name = await names.current(source, path)
        if (!isTrusted) return adopt(name, facts)
        return adoptContent(store, name, facts, { reads: false, storedNs }, signal)
      })
      return looked.then(
        (is) => (is ? DURABLE : null),
        (error) => answerTo(error, file),
      )
    },

    async prove(source, path, size, nonce) {
      try {
        const name = await names.current(source, path)
        // The caller removes its file after the proof, so older versions must stay.
        await own.keepAll()
        const digest = await digestAt(store, name, size, signal, nonce)
        return digest === null ? { kind: 'absent' } : { kind: 'digest', digest }
      } catch (error) {
        answerTo(error, { source, path })
        return { kind: isFault(error, 'absent') ? 'absent' : 'unavailable' }
      }
    },

    ...(store.space === undefined ? {} : { space: store.space }),
    close,
    get closed() {
      return signal.aborted
    },
  }
}

/** Stores a file. A different content of that name becomes an older version; an equal one is not sent again. */
async function put(
  { store, names, adopt, noteTime }: ObjectSessionParts,
  file: SmallOutgoing,
): Promise<Answer> {
  const { source, path, bytes, digest } = file
  const facts = objectFacts(file.facts, digest)
  noteTime(file)
  const name = await names.current(source, path)
  try {
    await store.put(name, bytes, facts, { replace: false })
  } catch (error) {
    if (!isFault(error, 'exists')) throw error
    if (await adopt(name, facts)) return DURABLE
    await names.makeRoom(source, path)
    await store.put(name, bytes, facts, { replace: true })
  }
  return DURABLE
}

/** See Session.sendSmall: each file is an object; sends as many at a time as the store takes best. */
export async function sendSmallFiles(
  parts: ObjectSessionParts,
  files: readonly SmallOutgoing[],
  { onTurn, onUsed, onAnswer }: SmallEvents,
): Promise<void> {
  const { slots, bytesOut, pace, smallTurn } = parts
  const underWay: Promise<void>[] = []
  const hasTurn = await smallTurn.acquire()
  if (hasTurn && !onTurn()) {
    smallTurn.release()
    return
  }
  for (const [index, file] of files.entries()) {
    const { length } = file.bytes
    const mayGo = (await slots.acquire()) && (await bytesOut.acquire(length)) && (await pace.take(length))
    if (!mayGo) {
      onAnswer(index, { kind: 'lost' })
      continue
    }
    const stored = put(parts, file)
      .catch((error) => parts.answerTo(error, file))
      .then((answer) => {
        slots.release()
        bytesOut.release(length)
        onAnswer(index, answer)
      })
    underWay.push(stored)
  }
  if (hasTurn) smallTurn.release()
  await Promise.all(underWay)
  onUsed()
}

/** Returns the key under which a part of this content can be found again, in a form that every store accepts. */
const resumeKey = (name: string, size: number, identity: string): string =>
  digestText(computeDigest(Buffer.from(`${size} ${identity} ${name}`))).slice(0, 32)

/** Begins a large object, which gets its name only when it is complete. */
async function begin(
  { store, names, noteTime }: ObjectSessionParts,
  file: Outgoing,
  identity?: string,
): Promise<ObjectUpload> {
  const { source, path } = file
  const facts = objectFacts(file.facts, null)
  noteTime(file)
  const name = await names.current(source, path)
  const resume = identity === undefined ? null : resumeKey(name, facts.size, identity)
  return store.begin(name, facts, resume)
}

/** Completes an upload: the object gets its name, and the previous one becomes an older version. */
async function finish(
  { names, adopt }: ObjectSessionParts,
  file: Outgoing,
  upload: ObjectUpload,
  digest: Uint8Array,
): Promise<void> {
  const { source, path } = file
  const name = await names.current(source, path)
  if (await adopt(name, objectFacts(file.facts, digest)))
    await upload.abort(false).catch(orIf('denied', undefined))
  else await upload.finish(digest, () => names.makeRoom(source, path))
}

/** See Session.begin. */
export async function beginUpload(
  parts: ObjectSessionParts,
  file: Outgoing,
  identity?: string,
): Promise<Upload | null> {
  const { uploads, signal, answerTo } = parts
  if (!(await uploads.acquire())) return null
  try {
    return createUpload(parts, file, await begin(parts, file, identity), identity !== undefined)
  } catch (error) {
    const answer = answerTo(error, file)
    uploads.release()
    const end = async () => answer
    return signal.aborted ? null : { offset: 0, chunk: async () => false, end, abort: end }
  }
}

const SWEPT = 'the sweep removes the unfinished upload'

function createUpload(
  parts: ObjectSessionParts,
  file: Outgoing,
  upload: ObjectUpload,
  canResume: boolean,
): Upload {
  const { pace, uploads, answerTo } = parts
  /** The answer for the first fault. */
  let failed: Answer | null = null
  let keeps = canResume
  const attempt = async (call: () => Promise<void>): Promise<void> => {
    if (failed === null)
      await call().catch((error) => {
        failed = answerTo(error, file)
        // A part that did not fit is removed, to free its space for other files.
        if (isFault(error, 'full')) keeps = false
      })
  }
  return {
    offset: upload.offset,
    async chunk(bytes) {
      await attempt(async () => {
        if (await pace.take(bytes.length)) await upload.write(bytes)
        else failed = { kind: 'lost' }
      })
      chunkBuffers.give(bytes)
      return failed === null
    },
    async end(digest) {
      await attempt(() => finish(parts, file, upload, digest))
      // After a failure to finish the part is not resumed: the cause is unknown, and might be the part.
      if (failed !== null) await upload.abort(false).catch(ignoreError(SWEPT))
      uploads.release()
      return failed ?? DURABLE
    },
    async abort(keep) {
      await upload.abort(keep && keeps).catch(ignoreError(SWEPT))
      uploads.release()
      return failed ?? { kind: 'again', reason: null, trouble: 'no' }
    },
  }
}

// Below a destination's prefix:
//
//   FOLDER/<source's directory>/<path>                                  the current contents
//   FOLDER/.holdfast/owner.json                                         see folder-owner.ts
//   FOLDER/.holdfast/versions/<source's directory>/<path>/<version>     contents that were replaced

/** Current names and older versions (core/store/retention/name.ts). */
export type Names = ReturnType<typeof openNames>

function openNames(
  store: ObjectStore,
  { folder, own, keep }: { folder: string; own: OwnFolder; keep: Keep },
  signal: AbortSignal,
) {
  let count = 0
  const thin = openThinning(store, keep, signal)

  const setAside = async (directory: string, path: string, isReplaced: boolean): Promise<void> => {
    const version = `${versionPrefix(new Date(), 0)}${count}`
    count = (count + 1) % 1_000_000
    const older = `${folder}/${OWN_DIRECTORY}/versions/${directory}/${path}`
    const isHere = await store.setAside(`${folder}/${directory}/${path}`, `${older}/${version}`, isReplaced)
    if (isHere && !own.keepsAll) thin(older)
  }

  return {
    /** @throws StoreFault `impossible` for a name that no system accepts; otherwise the store decides. */
    async current(source: OutgoingSource, path: string): Promise<string> {
      const fault = findNameFault(path, 'linux')
      if (fault !== null) throw new StoreFault('impossible', `name: ${fault}`)
      return `${folder}/${await own.getDirectory(source)}/${path}`
    },
    /** Sets aside any object that is in the way of this name, as an older version. */
    async makeRoom(source: OutgoingSource, path: string): Promise<void> {
      const directory = await own.getDirectory(source)
      // Usually the object has the name itself; but a directory above may have been a file before.
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
        if ((await store.info(`${folder}/${directory}/${at}`)) === null) continue
        return setAside(directory, at, at === path)
      }
    },
  }
}

/** Limit of waiting names; a name beyond it is thinned when its content is replaced the next time. */
const MOST_WAITING = 10_000

type Store = Pick<ObjectStore, 'list' | 'remove' | 'lastChange'>
type Found = Version & { name: string }

function parseVersion({ name, storedAt }: ObjectInfo): Found | null {
  const version = name.slice(name.lastIndexOf('/') + 1)
  const at = replacedAt(versionNameAsGiven(version))
  if (at === null) return null
  // The later of two clocks, this computer's and the store's.
  return { name, version, replacedAt: at, replacedClockMs: Math.max(at, storedAt), isPinned: false }
}

/** Returns the older versions of a name to remove, by a receiver's rules. @param now the earlier of the two clocks. */
export function olderToThin(objects: readonly ObjectInfo[], keep: Keep, now: number): string[] {
  const all = objects.flatMap((one) => parseVersion(one) ?? [])
  all.sort((a, b) => a.replacedAt - b.replacedAt)
  // The newest version always stays: the content that replaces it may not have arrived.
  return versionsToPrune(all, keep, false, now).map(({ name }) => name)
}

/** Thins the older versions of names whose content was replaced, one name at a time, in the background. */
function openThinning(store: Store, keep: Keep, signal: AbortSignal) {
  const waiting = new Set<string>()
  let isBusy = false

  const thin = async (directory: string): Promise<void> => {
    const objects: ObjectInfo[] = []
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<Store['list']>> = await store.list(`${directory}/`, after, false)
      objects.push(...page.objects)
      after = page.next
    } while (after !== null)
    // A version was set aside a moment ago, so the newest time is the store's current one.
    const storesNow =
      (await store.lastChange?.(directory)) ?? Math.max(0, ...objects.map(({ storedAt }) => storedAt))
    for (const name of olderToThin(objects, keep, Math.min(Date.now(), storesNow))) {
      if (signal.aborted) return
      await store.remove(name)
    }
  }

  const work = async () => {
    isBusy = true
    for (const directory of waiting) {
      if (signal.aborted) break
      waiting.delete(directory)
      // If the login may not remove objects, all versions stay.
      await thin(directory).catch((error) =>
        warnUnlessCode(error, [], 'older versions stay until the next one comes'),
      )
    }
    isBusy = false
  }

  /** @param directory the directory of a name's older versions. */
  return (directory: string): void => {
    if (waiting.size < MOST_WAITING) waiting.add(directory)
    if (!isBusy) void work()
  }
}
