import { ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import type { TransferResult } from '../../ledger/ledger.ts'
import { createSemaphore, type Semaphore, withPermit } from '../../lib/async/semaphore.ts'
import { computeDigest, digestText } from '../../platform/digest.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { findNameFault } from '../../protocol/names.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import {
  type Keep,
  replacedAt,
  type Version,
  versionNameAsGiven,
  versionPrefix,
  versionsToPrune,
} from '../../store/retention/retention.ts'
import type { Outgoing, OutgoingSource, OwnSession, Proof, SmallOutgoing, Upload } from '../destination.ts'
import { BackendError, hasKind, orIf, toTransferResult } from '../errors.ts'
import { type Bucket, bytesAhead, type RateLease } from '../token-bucket.ts'
import type { OwnFolder } from './folder-owner.ts'
import {
  adoptContent,
  digestAt,
  isOtherSecond,
  type ObjectFacts,
  type ObjectInfo,
  type ObjectStore,
  type ObjectUpload,
} from './object-store.ts'
import { limitNames } from './tree-listing.ts'

// Below a destination's prefix:
//
//   FOLDER/<source's directory>/<path>                                  the current contents
//   FOLDER/.holdfast/owner.json                                         see folder-owner.ts
//   FOLDER/.holdfast/versions/<source's directory>/<path>/<version>     contents that were replaced

/** Small files in one call. */
const FILES = 256
/** Bytes of small files under way. */
const BYTES_OUT = 16 * 1024 * 1024
/** Large files under way: a store may keep some MiB of each in memory. */
const UPLOADS = 8
/** Limit of waiting names; a name beyond it is thinned when its content is replaced the next time. */
const MAX_WAITING = 10_000
/** Ends the name of a damaged copy that was set aside. It is no older version: the content that replaced it is the same. */
const DAMAGED = '.damaged'
const SWEPT = 'the sweep removes the unfinished upload'
/** Objects have no position: see TransferResult. */
const STORED: TransferResult = { kind: 'stored', position: 0 }

/** A file that is uploaded; the object of its name may be a damaged copy of it. */
type Uploading = Outgoing & { isDamaged: boolean }

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

/**
 * A session with an object store. Each file becomes an object under its current name; a different content of that name
 * is set aside as an older version first. The session closes when the store is lost.
 */
export class ObjectSession implements OwnSession {
  readonly asksFirst: boolean
  // A content known under another name is sent again.
  readonly copies = 'own'
  readonly limits: OwnSession['limits']
  readonly space?: NonNullable<ObjectStore['space']>
  readonly #store: ObjectStore
  readonly #options: ObjectSessionOptions
  readonly #names: ReturnType<typeof openNames>
  readonly #lease: RateLease
  /** Small objects under way, and their bytes. */
  readonly #slots: Semaphore
  readonly #bytesOut = createSemaphore(BYTES_OUT)
  /** Held by the group of small files that waits for the line. */
  readonly #smallTurn = createSemaphore(1)
  /** Large objects under way. */
  readonly #uploads = createSemaphore(UPLOADS)
  /** Aborted when the session closes. */
  readonly #ending = new AbortController()

  constructor(store: ObjectStore, options: ObjectSessionOptions) {
    const { bucket, asksFirst } = options
    this.#store = store
    this.#options = options
    this.asksFirst = asksFirst
    this.limits = {
      files: FILES,
      get bytes() {
        return bytesAhead(bucket)
      },
    }
    if (store.space !== undefined) this.space = store.space
    this.#names = openNames(store, options, this.#ending.signal)
    this.#lease = bucket.open()
    this.#slots = createSemaphore(store.can.parallel)
  }

  get closed(): boolean {
    return this.#ending.signal.aborted
  }

  /** See Session.sendSmall: each file is an object; sends as many at a time as the store takes best. */
  readonly sendSmall: OwnSession['sendSmall'] = async (files, _directories, { onTurn, onUsed, onResult }) => {
    const underWay: Promise<void>[] = []
    const hasTurn = await this.#smallTurn.acquire()
    if (hasTurn && !onTurn()) {
      this.#smallTurn.release()
      return
    }
    for (const [index, file] of files.entries()) {
      const { length } = file.bytes
      const mayGo =
        (await this.#slots.acquire()) &&
        (await this.#bytesOut.acquire(length)) &&
        (await this.#lease.take(length))
      if (!mayGo) {
        onResult(index, { kind: 'lost' })
        continue
      }
      const stored = this.#put(file)
        .catch((error) => this.#toResult(error, file))
        .then((result) => {
          this.#slots.release()
          this.#bytesOut.release(length)
          onResult(index, result)
        })
      underWay.push(stored)
    }
    if (hasTurn) this.#smallTurn.release()
    await Promise.all(underWay)
    onUsed()
  }

  /** See Session.begin: the object gets its name only when it is complete. */
  readonly begin: OwnSession['begin'] = async (file, _directories, identity) => {
    if (!(await this.#uploads.acquire())) return null
    try {
      const { source, path } = file
      this.#noteTime(file)
      const name = await this.#names.current(source, path)
      const { facts, isDamaged } = await this.#compareCopy(file, name, null)
      const resume = identity === undefined ? null : resumeKey(name, facts.size, identity)
      const asked = this.#store
        .space?.()
        .catch(ignoreError('a server that does not know its space is sent to', null))
      const upload = await this.#store.begin(name, facts, resume)
      const room = (await asked) ?? null
      if (room !== null && room.total !== 0 && facts.size - upload.offset > room.free) {
        await upload.abort(false)
        // The file would fill the disk for others, and be sent repeatedly.
        throw new BackendError('full', 'less is free than the file needs')
      }
      return this.#createUpload({ ...file, isDamaged }, upload, identity !== undefined)
    } catch (error) {
      const result = this.#toResult(error, file)
      this.#uploads.release()
      const end = async () => result
      return this.closed ? null : { offset: 0, chunk: async () => false, end, abort: end }
    }
  }

  readonly copy: OwnSession['copy'] = async (file, _directories, digest, from) => {
    const { isTrusted, storedNs, lostNs } = from
    const { source, path } = file
    const facts = objectFacts(file.facts, digest.length === 0 ? null : digest)
    const copied = withPermit(this.#slots, async () => {
      const name = await this.#names.current(source, path)
      if (!isTrusted) return this.#adopt(name, facts)
      return adoptContent(this.#store, name, facts, { reads: false, storedNs, lostNs }, this.#ending.signal)
    })
    return copied.then(
      (is) => (is ? STORED : null),
      (error) => this.#toResult(error, file),
    )
  }

  readonly prove: OwnSession['prove'] = async (source, path, size, nonce, _, isSample = false) => {
    try {
      const name = await this.#names.current(source, path)
      if (!isSample) await this.#options.own.keepAll()
      const wait = isSample ? (bytes: number) => this.#lease.take(bytes) : undefined
      const digest = await digestAt(this.#store, name, size, this.#ending.signal, nonce, wait)
      return digest === null ? { kind: 'differs' } : { kind: 'digest', digest }
    } catch (error) {
      this.#toResult(error, { source, path })
      if (hasKind(error, 'cold')) return this.#proveCold(source, path, size)
      return { kind: hasKind(error, 'absent') ? 'absent' : 'unavailable' }
    }
  }

  /** The only proof of a content in cold storage. */
  async #proveCold(source: OutgoingSource, path: string, size: number): Promise<Proof> {
    const asked = this.#names.current(source, path).then((name) => this.#store.info(name))
    const there = await asked.catch(ignoreError('the content may be proven later', undefined))
    if (there === undefined) return { kind: 'unavailable' }
    if (there === null) return { kind: 'absent' }
    return { kind: there.size === size ? 'cold' : 'differs' }
  }

  close(): void {
    this.#ending.abort()
    this.#lease.close()
    for (const semaphore of [this.#slots, this.#bytesOut, this.#smallTurn, this.#uploads]) semaphore.close()
  }

  /** Stores a file. A different content of that name becomes an older version; an equal one is not sent again. */
  async #put(file: SmallOutgoing): Promise<TransferResult> {
    const { source, path, bytes, digest } = file
    this.#noteTime(file)
    const name = await this.#names.current(source, path)
    const { facts, isDamaged } = await this.#compareCopy(file, name, digest)
    await this.#replacing({ ...file, isDamaged }, facts, (freeName) => {
      const replace = async () => {
        if (await this.#adopt(name, facts)) return false
        await freeName()
        return true
      }
      return this.#store.put(name, bytes, facts, { replace })
    })
    return STORED
  }

  #createUpload(file: Uploading, upload: ObjectUpload, canResume: boolean): Upload {
    /** The result for the first error. */
    let failed: TransferResult | null = null
    let keeps = canResume
    const attempt = async (call: () => Promise<void>): Promise<void> => {
      if (failed === null)
        await call().catch((error) => {
          failed = this.#toResult(error, file)
          // A part that did not fit is removed, to free its space for other files.
          if (hasKind(error, 'full')) keeps = false
        })
    }
    return {
      offset: upload.offset,
      chunk: async (bytes) => {
        await attempt(async () => {
          if (await this.#lease.take(bytes.length)) await upload.write(bytes)
          else failed = { kind: 'lost' }
        })
        chunkBuffers.give(bytes)
        return failed === null
      },
      end: async (digest) => {
        await attempt(() => this.#finish(file, upload, digest))
        // After a failure to finish the part is not resumed: the cause is unknown, and might be the part.
        if (failed !== null) await upload.abort(false).catch(ignoreError(SWEPT))
        this.#uploads.release()
        return failed ?? STORED
      },
      abort: async (keep) => {
        await upload.abort(keep && keeps).catch(ignoreError(SWEPT))
        this.#uploads.release()
        return failed ?? { kind: 'retry', cause: 'file', reason: null }
      },
    }
  }

  /** Completes an upload: the object gets its name, and the previous one becomes an older version. */
  async #finish(file: Uploading, upload: ObjectUpload, digest: Uint8Array): Promise<void> {
    const { source, path, facts } = file
    const name = await this.#names.current(source, path)
    const all = objectFacts(facts, digest)
    if (await this.#adopt(name, all)) await upload.abort(false).catch(orIf('denied', undefined))
    else await this.#replacing(file, all, (freeName) => upload.finish(digest, freeName))
  }

  /**
   * Gives a name to a content. If that fails, and what had the name has kept it, removes the older version that was made
   * of it: otherwise each attempt would leave one.
   * @param facts those of the content.
   * @param give calls `freeName` when only the naming remains.
   */
  async #replacing(
    { source, path, isDamaged }: Pick<Uploading, 'source' | 'path' | 'isDamaged'>,
    facts: ObjectFacts,
    give: (freeName: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    let takeBack = async (): Promise<void> => undefined
    try {
      await give(async () => {
        takeBack = await this.#names.freeName(source, path, isDamaged, facts)
      })
    } catch (error) {
      // After a lost connection the content may still get its name.
      if (!hasKind(error, 'lost')) await takeBack().catch(ignoreError('the older version stays'))
      throw error
    }
  }

  /** Returns true if the object has this very content, after reading it back and setting its facts. */
  async #adopt(name: string, facts: ObjectFacts): Promise<boolean> {
    if (!this.#options.compares) return false
    return adoptContent(this.#store, name, facts, { reads: true }, this.#ending.signal)
  }

  /**
   * Returns a content's facts, and if the object of this name is a damaged copy of it. A content that is stored again
   * keeps the time of its first storing. An object with an older modification time is an earlier content: the server
   * was set back.
   */
  async #compareCopy({ facts, storedAt }: Outgoing, name: string, digest: Uint8Array | null) {
    const all = objectFacts(facts, digest)
    if (storedAt === undefined) return { facts: all, isDamaged: false }
    const there = await this.#store.info(name)
    const isDamaged = there !== null && there.mtimeNs >= this.#store.kept(all).mtimeNs
    const thereAt = isDamaged ? (there.firstStoredAt ?? there.storedAt) : Infinity
    return { facts: { ...all, firstStoredAt: Math.min(storedAt, thereAt) }, isDamaged }
  }

  /** Reports a file whose time the store cannot keep. */
  #noteTime(file: Outgoing): void {
    const { mtimeNs } = file.facts
    const kept = this.#store.kept(objectFacts(file.facts, null))
    if (isOtherSecond(kept.mtimeNs, mtimeNs)) this.#options.onTime(file)
  }

  /** Returns the result for an error; closes the session if the connection is lost. */
  #toResult(error: unknown, file: Pick<Outgoing, 'source' | 'path'>): TransferResult {
    if (this.closed) return { kind: 'lost' }
    if (hasKind(error, 'lost')) {
      this.close()
      this.#options.onLost(error)
    }
    return toTransferResult(error, this.#options.name, file)
  }
}

const objectFacts = ({ size, mtimeNs, mode }: FileMetadata, digest: Uint8Array | null): ObjectFacts => ({
  size,
  mtimeNs,
  mode,
  digest,
})

/** Returns the key under which a part of this content can be found again, in a form that every store accepts. */
const resumeKey = (name: string, size: number, identity: string): string =>
  digestText(computeDigest(Buffer.from(`${size} ${identity} ${name}`))).slice(0, 32)

/** Returns the current names of files, and keeps older versions (core/store/retention/retention.ts). */
function openNames(
  store: ObjectStore,
  { folder, own, keep }: Pick<ObjectSessionOptions, 'folder' | 'own' | 'keep'>,
  signal: AbortSignal,
) {
  let count = 0
  const thin = openThinning(store, keep, signal)

  /** @returns the version's name; null: the store keeps it itself. */
  const setAside = async (
    directory: string,
    path: string,
    isReplaced: boolean,
    isDamaged: boolean,
  ): Promise<string | null> => {
    const version = `${versionPrefix(new Date(), 0)}${count}${isDamaged ? DAMAGED : ''}`
    count = (count + 1) % 1_000_000
    const older = `${folder}/${OWN_DIRECTORY}/versions/${directory}/${path}`
    const isHere = await store.setAside(`${folder}/${directory}/${path}`, `${older}/${version}`, isReplaced)
    if (isHere && !own.keepsAll) thin(older)
    return isHere ? `${older}/${version}` : null
  }

  return {
    /** @throws BackendError `impossible` for a name that no system accepts; otherwise the store decides. */
    async current(source: OutgoingSource, path: string): Promise<string> {
      const fault = findNameFault(path, 'linux')
      if (fault !== null) throw new BackendError('impossible', `name: ${fault}`)
      return `${folder}/${await own.getDirectory(source)}/${path}`
    },
    /**
     * Sets aside any object that is in the way of this name, as an older version.
     * @param facts of the content that gets the name.
     * @returns removes that version again if the object still has its name, and is not that content.
     */
    async freeName(
      source: OutgoingSource,
      path: string,
      isDamaged: boolean,
      facts: ObjectFacts,
    ): Promise<() => Promise<void>> {
      const directory = await own.getDirectory(source)
      // Usually the object has the name itself; but a directory above may have been a file before.
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
        const name = `${folder}/${directory}/${at}`
        const there = await store.info(name)
        if (there === null) continue
        const version = await setAside(directory, at, at === path, at === path && isDamaged)
        return async () => {
          const now = version === null ? null : await store.info(name)
          if (version === null || now === null) return
          if (isSameObject(now, there) && !isSameObject(now, store.kept(facts))) await store.remove(version)
        }
      }
      return async () => undefined
    },
  }
}

/** Compares what every store keeps: two contents that differ may be taken for the same one. */
const isSameObject = (one: ObjectFacts, other: ObjectFacts): boolean =>
  one.size === other.size && !isOtherSecond(one.mtimeNs, other.mtimeNs)

type Store = Pick<ObjectStore, 'list' | 'remove' | 'lastChange'>
type Found = Version & { name: string; isDamaged: boolean }

/** Thins the older versions of names whose content was replaced, one name at a time, in the background. */
function openThinning(store: Store, keep: Keep, signal: AbortSignal) {
  const waiting = new Set<string>()
  let isBusy = false

  const thin = async (directory: string): Promise<void> => {
    const objects: ObjectInfo[] = []
    const limit = limitNames(directory)
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<Store['list']>> = await store.list(`${directory}/`, after, false)
      limit(page.objects.map(({ name }) => name))
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
    if (waiting.size < MAX_WAITING) waiting.add(directory)
    if (!isBusy) void work()
  }
}

/** Returns the older versions of a name to remove, by a receiver's rules. @param now the earlier of the two clocks. */
export function olderToThin(objects: readonly ObjectInfo[], keep: Keep, now: number): string[] {
  const all = objects.flatMap((one) => parseVersion(one) ?? [])
  all.sort((a, b) => a.replacedAt - b.replacedAt)
  const select = (damaged: boolean) => all.filter(({ isDamaged }) => isDamaged === damaged)
  // The newest version always stays: the content that replaces it may not have arrived. A damaged copy is no such version.
  const pruned = [
    ...versionsToPrune(select(false), keep, false, now),
    ...versionsToPrune(select(true), keep, true, now),
  ]
  return pruned.map(({ name }) => name)
}

function parseVersion({ name, storedAt }: ObjectInfo): Found | null {
  const version = name.slice(name.lastIndexOf('/') + 1)
  const isDamaged = version.toLowerCase().endsWith(DAMAGED)
  const at = replacedAt(versionNameAsGiven(isDamaged ? version.slice(0, -DAMAGED.length) : version))
  if (at === null) return null
  // The later of two clocks, this computer's and the store's.
  return {
    name,
    version,
    replacedAt: at,
    replacedClockMs: Math.max(at, storedAt),
    isPinned: false,
    isDamaged,
  }
}
