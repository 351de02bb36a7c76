import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  RestoreObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { createSemaphore } from '../../lib/async/semaphore.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { readAnswer } from '../../lib/network/answers.ts'
import { HttpAgent } from '../../lib/network/tunnel.ts'
import { errorCode } from '../../platform/system-error.ts'
import { OWN_DIRECTORY } from '../../store/layout.ts'
import { asBackendError, BackendError, hasKind, orIf, unlessLost } from '../errors.ts'
import { isOnThisComputer, tlsAgent } from '../objects/https.ts'
import { parseFacts, parseFirstStoredAt, toMetadata } from '../objects/metadata.ts'
import { digestAt, type ObjectFacts, type ObjectStore } from '../objects/object-store.ts'
import type { ReachedStore } from '../objects/objects.ts'
import {
  type BucketAbilities,
  type BucketPlace,
  COPY_BYTES,
  contentMd5,
  copyObject,
  createAbilities,
  createNames,
  listPage,
  listRemoved,
  lockComplete,
  lockedUntil,
  olderVersions,
  type S3Place,
  type S3Target,
  toKey,
  toLock,
  toStorageClass,
} from './bucket.ts'
import { explained, toBackendError } from './errors.ts'
import {
  beginParts,
  beginWhole,
  getPartBytes,
  PART_BYTES,
  PARTS_MEMORY,
  Unfinished,
  type UploadOptions,
} from './upload.ts'

/** Concurrent requests: beyond this number a store only queues them itself. */
const PARALLEL = 32
/** Room for parts of large objects, listings and the like beside the small objects. */
const MOST_SOCKETS = PARALLEL + 16
const CONNECT_MS = 10_000
/** Timeout of an idle socket: a store that copies or joins parts may be silent for a while. */
const SILENT_MS = 120_000
const ATTEMPTS = 3
/** Longest answer but a content: the page of a listing has a thousand keys, whose bytes may be encoded as three each. */
const MOST_LISTING_BYTES = 8 * 1024 * 1024
const LOCK_TRIAL_MS = 60_000
/** A larger object is not sent just to learn that its name is taken. */
const REFUSED_BYTES = 16 * 1024
/** Days for which a thawed content stays readable. */
const THAWED_DAYS = 7

export interface S3StoreOptions extends BucketPlace {
  /** For tests: sizes of a part and of one copy. */
  partBytes?: number
  copyBytes?: number
}

/**
 * Opens a bucket as a store, after checking that it can be used. The first request is a listing, because the answer
 * to it contains the cause of an error.
 * @throws UserError if only a person can help; BackendError.
 */
export async function reachBucket(
  target: S3Target,
  secrets: Readonly<Record<string, string>>,
): Promise<ReachedStore & { store: S3Store }> {
  const { bucket, storageClass, lockDays, folder } = target
  if (bucket.includes('/')) throw bucketAndPrefix(target)
  const prefix = target.prefix === '' ? '' : `${target.prefix}/`
  const client = createClient(target, secrets)
  const own = `${folder}/${OWN_DIRECTORY}/`
  const store = new S3Store({ client, bucket, prefix, storageClass, lockDays, own })
  try {
    await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: target.prefix, MaxKeys: 1 }))
    return { store, localAddress: null, isToItself: await isOnThisComputer(target.endpoint) }
  } catch (error) {
    store.close()
    throw await explained(error, target)
  }
}

/**
 * Creates a client whose requests throw BackendErrors.
 * @param secrets `accessKey` and `secretKey`; without them the sources of AWS's own tools apply: environment, files in
 *   ~/.aws, roles.
 */
export function createClient(place: S3Place, secrets: Readonly<Record<string, string>>): S3Client {
  const { accessKey, secretKey } = secrets
  const sockets = { keepAlive: true, maxSockets: MOST_SOCKETS }
  const client = new S3Client({
    endpoint: place.endpoint,
    region: place.region,
    forcePathStyle: place.pathStyle,
    ...(accessKey === undefined || secretKey === undefined
      ? {}
      : { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
    // Some stores refuse the SDK's own checksums, others ignore them; all accept Content-MD5 (see `verifies`).
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // "Expect: 100-continue" would wait for the store before each part.
    expectContinueHeader: false,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENT_MS,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: tlsAgent(sockets, place.certificate),
    },
  })
  client.middlewareStack.add(
    (next) => (request) =>
      next(request).catch((error: unknown) => {
        // After an answer without a body Swift may still send a body's end, which breaks the next request's parsing.
        if (errorCode(error)?.startsWith('HPE_') === true) Object.assign(error as Error, { $retryable: {} })
        throw error
      }),
    { step: 'deserialize', name: 'garbledAnswer' },
  )
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (request) => {
        const answer = await next(request)
        const response = answer.response as { body?: unknown; statusCode?: number }
        const isContent = commandName === 'GetObjectCommand' && (response.statusCode ?? 0) < 300
        if (response.body instanceof Readable && !isContent)
          response.body = Readable.from(readAnswer(response.body, MOST_LISTING_BYTES), { objectMode: false })
        return answer
      },
    // Low: before the answer is parsed.
    { step: 'deserialize', priority: 'low', name: 'limitedAnswer' },
  )
  // Applies to a request with all of its attempts.
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (request) =>
        next(request).catch((error: unknown) => {
          throw toBackendError(error, commandName.replace(/Command$/, ''))
        }),
    { step: 'initialize', priority: 'high', name: 'backendErrors' },
  )
  return client
}

/** Returns an error that suggests to split the entry into bucket and prefix. */
function bucketAndPrefix({ bucket, prefix }: S3Target): UserError {
  const [first = '', ...rest] = [...bucket.split('/'), ...prefix.split('/')].filter((part) => part !== '')
  return new UserError('s3.bucketAndPrefix', { bucket, first, rest: rest.join('/') })
}

/** Objects in a bucket. The bucket's abilities are found by tests; see BucketAbilities. */
export class S3Store implements ObjectStore {
  readonly client: S3Client
  readonly abilities: BucketAbilities
  /** The object that the tests of abilities leave behind. */
  readonly trial: string
  readonly can = { parallel: PARALLEL, durable: true, dates: true, vanish: false }
  // There is no lasting connection: a failed request ends the session.
  readonly ended = new Promise<never>(() => undefined)
  readonly #options: S3StoreOptions
  readonly #names: ReturnType<typeof createNames>
  readonly #memory = createSemaphore(PARTS_MEMORY)
  readonly #unfinished: Unfinished
  #isClosed = false

  constructor(options: S3StoreOptions) {
    this.client = options.client
    this.trial = `${options.own}trial`
    this.abilities = createAbilities(options, this.trial)
    this.#options = options
    this.#names = createNames(options, async (name) => (await this.info(name)) !== null)
    this.#unfinished = new Unfinished(options, options.own, this)
    // Behind the step that tries again: a copy would otherwise go on beside the next session, which may replace the
    // object.
    this.client.middlewareStack.add(
      (next) => (request) =>
        this.#isClosed ? Promise.reject(new BackendError('lost', 'closed')) : next(request),
      { step: 'finalizeRequest', priority: 'low', name: 'closed' },
    )
  }

  readonly put: ObjectStore['put'] = async (name, bytes, facts, { replace }) => {
    const send = (condition: { IfNoneMatch?: '*' }) =>
      this.client.send(
        new PutObjectCommand({
          ...this.#at(name),
          Body: bytes,
          ContentLength: bytes.length,
          ContentMD5: contentMd5(bytes),
          Metadata: toMetadata(facts),
          ...toStorageClass(this.#options, name),
          ...toLock(this.#options, name),
          ...condition,
        }),
      )
    const sendNew = async () => send(await this.#ifAbsent(name, bytes.length))
    if (replace === true) await send({})
    else if (replace === false) await sendNew()
    else if (await sendNew().then(() => false, orIf('exists', true))) {
      if (!(await replace())) return
      await send({})
    }
    this.#names.add(name)
    if (facts.digest !== null && !(await this.abilities.verifies()))
      await this.#readBack(name, facts, facts.digest)
  }

  readonly begin: ObjectStore['begin'] = async (name, facts, resume) => {
    const least = this.#options.partBytes ?? PART_BYTES
    if (facts.size <= least)
      return beginWhole(this.#memory, facts, (bytes, digest) =>
        this.put(name, bytes, { ...facts, digest }, { replace: true }),
      )
    const options: UploadOptions = {
      place: this.#options,
      unfinished: this.#unfinished,
      memory: this.#memory,
      partBytes: getPartBytes(facts.size, least),
      check: (...object) => this.#check(...object),
    }
    return beginParts(options, name, facts, resume)
  }

  readonly kept: ObjectStore['kept'] = (facts) => facts

  readonly setFacts: ObjectStore['setFacts'] = async (name, facts) => {
    await this.#copy(name, name, toMetadata(facts))
  }

  readonly info: ObjectStore['info'] = async (name, version = null) => {
    const command = new HeadObjectCommand(this.#at(name, version))
    const head = await this.client.send(command).catch(orIf('absent', null))
    if (head === null) return null
    const stored = head.LastModified ?? new Date(0)
    return {
      ...parseFacts(head.ContentLength ?? 0, stored, head.Metadata),
      name,
      storedAt: stored.getTime(),
      firstStoredAt: parseFirstStoredAt(head.Metadata),
      version,
    }
  }

  async *read(name: string, from: number, signal: AbortSignal, version: string | null = null) {
    const range = from > 0 ? { Range: `bytes=${from}-` } : {}
    const command = new GetObjectCommand({ ...this.#at(name, version), ...range })
    try {
      const { Body } = await this.client.send(command, { abortSignal: signal })
      yield* (Body as AsyncIterable<Uint8Array> | undefined) ?? []
    } catch (error) {
      const failure = toBackendError(error, 'GetObject')
      // A read from beyond the end returns no bytes.
      if (!(from > 0 && failure.reason.startsWith('InvalidRange'))) throw failure
    }
  }

  readonly setAside: ObjectStore['setAside'] = async (name, to, isReplaced) => {
    const isMoved = !(await this.abilities.isVersioned())
    if (isMoved) await this.#copy(name, to)
    // The next content replaces this one in one step.
    if (!isReplaced) await this.remove(name)
    return isMoved
  }

  readonly thaw: NonNullable<ObjectStore['thaw']> = async (name, version = null) => {
    const at = this.#at(name, version)
    const request = { GlacierJobParameters: { Tier: 'Standard' as const } }
    const isOver = (error: unknown) => {
      // The second one may come of Intelligent-Tiering, if the content came back since it was found cold.
      if (!/^(RestoreAlreadyInProgress|ObjectAlreadyInActiveTier)/.test(asBackendError(error).reason))
        throw error
    }
    await this.client
      .send(new RestoreObjectCommand({ ...at, RestoreRequest: { ...request, Days: THAWED_DAYS } }))
      // An object of Intelligent-Tiering comes back for good, and takes no days.
      .catch((error: unknown) => {
        if (!asBackendError(error).reason.startsWith('InvalidArgument')) throw error
        return this.client.send(new RestoreObjectCommand({ ...at, RestoreRequest: request }))
      })
      .catch(isOver)
  }

  readonly versions: ObjectStore['versions'] = (name) => olderVersions(this.#options, name)

  readonly removed: NonNullable<ObjectStore['removed']> = async (...page) =>
    (await this.abilities.isVersioned())
      ? listRemoved(this.#options, ...page)
      : { objects: [], directories: [], next: null }

  readonly renewLock: NonNullable<ObjectStore['renewLock']> = async (name) => {
    if (this.#options.lockDays === null) return
    // The current version is complete, and only the oldest one cannot be somebody else's.
    const oldest = (await this.versions(name)).at(-1)?.version
    if (oldest !== undefined && oldest !== null) await lockComplete(this.#options, name, oldest)
    await lockComplete(this.#options, name)
  }

  readonly list: ObjectStore['list'] = (...page) => listPage(this.#options, ...page)

  async remove(name: string): Promise<void> {
    // A bucket that keeps versions only marks it as removed: its content stays, and its lock is no obstacle.
    await this.client.send(new DeleteObjectCommand(this.#at(name))).catch(orIf('absent', undefined))
    this.#names.remove(name)
  }

  async above(name: string): Promise<string | null> {
    const { bucket: Bucket, prefix } = this.#options
    const parts = prefix.split('/').slice(0, -1)
    for (let depth = parts.length; depth >= 0; depth -= 1) {
      const above = parts.slice(0, depth)
      const Key = [...above, name].join('/')
      const found = await this.client.send(new HeadObjectCommand({ Bucket, Key })).catch(unlessLost)
      if (found !== null) return [Bucket, ...above].join('/')
    }
    return null
  }

  readonly sweep: ObjectStore['sweep'] = (olderThan) => this.#unfinished.sweep(olderThan)

  /**
   * Finds out if the bucket locks objects: writes one that is locked for a minute, and tries to remove it for good. It
   * stays; the bucket's own rules remove it.
   * @throws UserError s3.lock.…; BackendError.
   */
  async tryLock(name: string): Promise<void> {
    const { bucket } = this.#options
    const at = this.#at(`${this.#options.own}lock-trial`)
    const bytes = Buffer.from('This object is locked for a minute.\n')
    const put = new PutObjectCommand({
      ...at,
      Body: bytes,
      ContentMD5: contentMd5(bytes),
      ...lockedUntil(this.client, LOCK_TRIAL_MS),
    })
    const { VersionId } = await this.client.send(put).catch((error: unknown) => {
      const { kind, reason } = asBackendError(error)
      if (kind === 'denied') throw new UserError('s3.lock.denied', { name, bucket, reason })
      if (kind === 'failed') throw new UserError('s3.lock.off', { name, bucket, reason })
      throw error
    })
    const remove = new DeleteObjectCommand({ ...at, ...(VersionId === undefined ? {} : { VersionId }) })
    const isRemoved = await this.client.send(remove).then(
      () => true,
      (error: unknown) => {
        unlessLost(error)
        return false
      },
    )
    // In any bucket, a key without the permission to remove is refused this, too.
    const isShown = async () =>
      (await this.abilities.isLocked()) ||
      (await this.client.send(new HeadObjectCommand(at)).catch(unlessLost))?.ObjectLockMode === 'COMPLIANCE'
    if (isRemoved || VersionId === undefined || !(await isShown()))
      throw new UserError('s3.lock.ignored', { name, bucket })
  }

  close(): void {
    this.#memory.close()
    this.#isClosed = true
    this.client.destroy()
  }

  /** Copies an object; has a cold one thawed, so that a later attempt can. */
  async #copy(name: string, to: string, changes: Readonly<Record<string, string>> = {}): Promise<void> {
    const copyBytes = this.#options.copyBytes ?? COPY_BYTES
    await copyObject(this.#options, name, to, copyBytes, changes).catch(async (error: unknown) => {
      if (hasKind(error, 'cold')) await this.thaw(name)
      throw error
    })
  }

  #at(name: string, version: string | null = null) {
    const at = { Bucket: this.#options.bucket, Key: toKey(this.#options, name) }
    return version === null ? at : { ...at, VersionId: version }
  }

  /** Returns the condition of a put of so many bytes. @throws BackendError `exists`. */
  async #ifAbsent(name: string, size: number): Promise<{ IfNoneMatch?: '*' }> {
    if (!(await this.#names.isReachable(name)))
      throw new BackendError('exists', 'one stands where a directory has to be')
    if (await this.abilities.isVersioned()) return {}
    const isConditional = await this.abilities.isConditional()
    // A refused put has sent its bytes for nothing.
    if (!isConditional || size > REFUSED_BYTES)
      if (await this.#names.has(name)) throw new BackendError('exists', 'there is one')
    return isConditional ? { IfNoneMatch: '*' } : {}
  }

  /** See UploadOptions.check. */
  async #check(name: string, facts: ObjectFacts, digest: Uint8Array, isResumed: boolean): Promise<void> {
    this.#names.add(name)
    if (isResumed || !(await this.abilities.verifies())) return this.#readBack(name, facts, digest)
    const size = (await this.info(name))?.size
    if (size !== facts.size) throw new BackendError('damaged', `${size} bytes are stored of ${facts.size}`)
  }

  /** Reads an object back: without a check of Content-MD5, only this shows what the store has. */
  async #readBack(name: string, { size }: ObjectFacts, digest: Uint8Array): Promise<void> {
    const found = await digestAt(this, name, size, new AbortController().signal)
    if (found !== null && Buffer.compare(found, digest) === 0) return
    // If removing is denied, the next content sets it aside.
    await this.remove(name).catch(orIf('denied', undefined))
    throw new BackendError('damaged', 'what the store has is not what was sent')
  }
}
