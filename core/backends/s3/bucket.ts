import { createHash, randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
  PutObjectCommand,
  PutObjectRetentionCommand,
  type S3Client,
  type StorageClass,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { z } from 'zod'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import type { DestinationOf } from '../../settings/destination-schema.ts'
import { BackendError, hasKind, unlessLost } from '../errors.ts'
import { parseFacts } from '../objects/metadata.ts'
import type { ObjectInfo, ObjectPage } from '../objects/object-store.ts'
import { limitNames } from '../objects/tree-listing.ts'

// The keys, metadata, listings and copies of a bucket, the names that exist in it, and the abilities of its store.

/** Longest key that stores accept, in bytes of UTF-8. */
const MOST_KEY_BYTES = 1024
/**
 * Largest copy in one request: the store sends nothing until it is done, and no store copies more than 5 GiB at once.
 */
export const COPY_BYTES = 512 * 1024 * 1024
/** Limit over all directories together; beyond it the cache is cleared. */
const MOST_NAMES = 100_000
const DAY_MS = 86_400_000

/** The location of a bucket. */
export type S3Place = Pick<DestinationOf<'s3'>, 'endpoint' | 'region' | 'pathStyle' | 'certificate'>

/** A bucket, as it was entered. */
export type S3Target = S3Place &
  Pick<DestinationOf<'s3'>, 'name' | 'bucket' | 'prefix' | 'storageClass' | 'lockDays' | 'folder'>

/** A bucket with its client and settings. */
export interface BucketPlace {
  client: S3Client
  bucket: string
  /** Prefix of all names; empty, or with "/" at its end. */
  prefix: string
  storageClass: string | null
  /** Days for which each object is locked; null: not at all. */
  lockDays: number | null
  /** Prefix of Holdfast's own names, with "/" at its end. */
  own: string
}

/** Returns the storage class for requests that create objects. Own objects are read at each connection: they have none. */
export const toStorageClass = (
  { storageClass, own }: BucketPlace,
  name: string,
): { StorageClass?: StorageClass } =>
  storageClass === null || (name.startsWith(own) && !name.startsWith(`${own}versions/`))
    ? {}
    : { StorageClass: storageClass as StorageClass }

/** Own objects that serve a test or an upload under way, and are removed soon. */
const PASSING = /^(trial$|lock-trial$|test-|uploads\/)/

/**
 * Returns the lock for requests that create objects. Its mode is COMPLIANCE, which no key of the account can lift: the
 * owner of a bucket may always lift GOVERNANCE, and a stolen key is often the owner's.
 */
export function toLock(place: BucketPlace, name: string): ObjectLock {
  const { client, lockDays, own } = place
  if (lockDays === null || (name.startsWith(own) && PASSING.test(name.slice(own.length)))) return {}
  return lockedUntil(client, lockDays * DAY_MS)
}

/**
 * Locks an object that was uploaded in parts or copied, from now on. The lock of its first request began with the upload,
 * maybe days ago, and some stores (Ceph before 17) ignore it. A lock that lasts longer stays: it began when the
 * destination or the bucket had more days, and no store lets it be shortened.
 * @param version left out: the current one. @throws BackendError.
 */
export async function lockComplete(place: BucketPlace, name: string, version?: string): Promise<void> {
  const { ObjectLockMode: Mode, ObjectLockRetainUntilDate: wanted } = toLock(place, name)
  if (Mode === undefined || wanted === undefined) return
  const at = { Bucket: place.bucket, Key: toKey(place, name) }
  const which = version === undefined ? at : { ...at, VersionId: version }
  const head = await place.client.send(new HeadObjectCommand(which))
  const present = head.ObjectLockRetainUntilDate ?? new Date(0)
  if (head.ObjectLockMode === Mode && present >= wanted) return
  const RetainUntilDate = new Date(Math.max(present.getTime(), wanted.getTime()))
  await place.client.send(new PutObjectRetentionCommand({ ...which, Retention: { Mode, RetainUntilDate } }))
}

interface ObjectLock {
  ObjectLockMode?: 'COMPLIANCE'
  ObjectLockRetainUntilDate?: Date
}

/** The time is the store's, as far as the client knows the difference of the clocks. */
export const lockedUntil = ({ config }: S3Client, ms: number): ObjectLock => ({
  ObjectLockMode: 'COMPLIANCE',
  ObjectLockRetainUntilDate: new Date(Date.now() + config.systemClockOffset + ms),
})

/** @throws BackendError `impossible`. */
export function toKey({ prefix }: Pick<BucketPlace, 'prefix'>, name: string): string {
  const key = `${prefix}${name}`
  const bytes = Buffer.byteLength(key)
  if (bytes > MOST_KEY_BYTES)
    throw new BackendError(
      'impossible',
      `KeyTooLong: ${bytes} bytes, of which a store takes ${MOST_KEY_BYTES}`,
    )
  return key
}

/** The checksum that stores compare with the received bytes, if they check any; see `verifies` of createAbilities. */
export const contentMd5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')

/** Returns a key for `x-amz-copy-source`. */
const copySource = (bucket: string, key: string): string =>
  `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`

/** Decodes a key of a listing with `EncodingType: 'url'`, which is needed because XML cannot contain all characters. */
export function listedKey(encoded: string | undefined): string {
  try {
    return decodeURIComponent((encoded ?? '').replaceAll('+', '%20'))
  } catch (error) {
    return dropError(error, 'the key of a listing is not encoded, although that was asked for', encoded ?? '')
  }
}

/** Returns a copy's metadata, with the time when its content was first stored, also for the copy of a copy. */
const toCopyMetadata = ({ Metadata, LastModified }: HeadObjectCommandOutput): Record<string, string> => ({
  ...(LastModified === undefined ? {} : { stored: LastModified.toISOString() }),
  ...Metadata,
})

/** Listings contain no metadata: time and mode are defaults, and there is no digest. */
function toObjectInfo(name: string, size: number, stored: Date, version: string | null): ObjectInfo {
  return { ...parseFacts(size, stored), name, storedAt: stored.getTime(), version }
}

/**
 * Requests pages until one has names or is the last. A store may answer with empty pages for a while; a faulty one may
 * do so for ever, or return the same page again.
 * @throws BackendError `impossible` beyond the limits of a listing.
 */
async function findPage<P extends { names: readonly (string | undefined)[]; next: string | null }>(
  prefix: string,
  after: string | null,
  ask: (after: string | null) => Promise<P>,
): Promise<P> {
  const limit = limitNames(prefix)
  for (let at = after; ; ) {
    const page = await ask(at)
    if (page.next !== null && page.next === at)
      throw new BackendError('impossible', `the list of names in ${prefix} does not go on`)
    limit(page.names)
    if (page.names.length > 0 || page.next === null) return page
    at = page.next
  }
}

/** @param after the `next` of the previous page. */
export async function listPage(
  place: BucketPlace,
  prefix: string,
  after: string | null,
  deep: boolean,
): Promise<ObjectPage> {
  const input: ListObjectsV2CommandInput = {
    Bucket: place.bucket,
    Prefix: toKey(place, prefix),
    EncodingType: 'url',
    ...(deep ? {} : { Delimiter: '/' }),
  }
  const { page, next } = await findPage(prefix, after, async (token) => {
    const at = token === null ? {} : { ContinuationToken: token }
    const page = await place.client.send(new ListObjectsV2Command({ ...input, ...at }))
    const { Contents = [], CommonPrefixes = [] } = page
    return {
      page,
      names: [...Contents.map(({ Key }) => Key), ...CommonPrefixes.map(({ Prefix }) => Prefix)],
      next: page.IsTruncated === true ? (page.NextContinuationToken ?? null) : null,
    }
  })
  const toName = (encoded: string | undefined) => listedKey(encoded).slice(place.prefix.length)
  return {
    objects: (page.Contents ?? []).map(({ Key, Size, LastModified }) =>
      toObjectInfo(toName(Key), Size ?? 0, LastModified ?? new Date(0), null),
    ),
    directories: (page.CommonPrefixes ?? []).map(({ Prefix }) => toName(Prefix)),
    next,
  }
}

/** Returns the versions of a name that were replaced or removed, newest first. */
export async function olderVersions(place: BucketPlace, name: string): Promise<ObjectInfo[]> {
  const key = toKey(place, name)
  const found: ObjectInfo[] = []
  const limit = limitNames(key)
  let marker: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (;;) {
    const input = { Bucket: place.bucket, Prefix: key, EncodingType: 'url', ...marker } as const
    const page = await place.client.send(new ListObjectVersionsCommand(input))
    limit([...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key }) => Key))
    const isOlder = (one: ObjectVersion) => listedKey(one.Key) === key && one.IsLatest !== true
    for (const { Size, LastModified, VersionId } of (page.Versions ?? []).filter(isOlder))
      found.push(toObjectInfo(name, Size ?? 0, LastModified ?? new Date(0), VersionId ?? null))
    const next = listedKey(page.NextKeyMarker)
    // Longer names with this prefix follow it.
    if (page.IsTruncated !== true || next !== key) break
    marker = {
      KeyMarker: next,
      ...(page.NextVersionIdMarker ? { VersionIdMarker: page.NextVersionIdMarker } : {}),
    }
  }
  return found.sort((a, b) => b.storedAt - a.storedAt)
}

/** The name at the end of a page, whose older versions may begin the next one. */
const removedCursorSchema = z.object({
  key: z.string(),
  version: z.string(),
  /** removed: it has no object now, and none at the time was found yet; done: its older versions are skipped. */
  state: z.enum(['removed', 'done']),
})
type RemovedState = z.infer<typeof removedCursorSchema>['state']

/** See ObjectStore.removed. */
export async function listRemoved(
  place: BucketPlace,
  prefix: string,
  after: string | null,
  at: number | null,
  deep: boolean,
): Promise<ObjectPage> {
  const { page, next } = await findPage(prefix, after, (from) => readRemoved(place, prefix, from, at, deep))
  return { ...page, next }
}

/**
 * Lists the objects that were there at a time and have been removed since, as they were then. A shallow listing has the
 * directories alone, of removed and of existing objects.
 * @param at milliseconds since 1970; null: just before their removal. @param after the `next` of the previous page.
 */
async function readRemoved(
  place: BucketPlace,
  prefix: string,
  after: string | null,
  at: number | null,
  deep: boolean,
) {
  const last = after === null ? null : removedCursorSchema.parse(JSON.parse(after))
  const input: ListObjectVersionsCommandInput = {
    Bucket: place.bucket,
    Prefix: toKey(place, prefix),
    EncodingType: 'url',
    ...(deep ? {} : { Delimiter: '/' }),
    ...(last === null ? {} : { KeyMarker: last.key }),
    ...(last === null || last.version === '' ? {} : { VersionIdMarker: last.version }),
  }
  const page = await place.client.send(new ListObjectVersionsCommand(input))
  const toName = (key: string) => key.slice(place.prefix.length)
  const states = new Map<string, RemovedState>(last === null ? [] : [[last.key, last.state]])
  const objects = pickRemoved(page, states, at)
    .map(({ key, time, Size, VersionId }) =>
      toObjectInfo(toName(key), Size ?? 0, new Date(time), VersionId ?? null),
    )
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  const key = listedKey(page.NextKeyMarker)
  const next = { key, version: page.NextVersionIdMarker ?? '', state: states.get(key) ?? 'done' }
  const directories = (page.CommonPrefixes ?? []).map(({ Prefix }) => toName(listedKey(Prefix)))
  return {
    page: { objects: deep ? objects : [], directories },
    names: [...states.keys(), ...directories],
    next: page.IsTruncated === true && key !== '' ? JSON.stringify(next) : null,
  }
}

/**
 * Returns the versions of a page that were current at the time, of names that have no object now. Updates the states of
 * the names. A page has the versions and the marks of removal apart, each from the newest to the oldest of a name.
 */
function pickRemoved(
  { Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput,
  states: Map<string, RemovedState>,
  at: number | null,
) {
  const entries = [
    ...Versions.map((one) => ({ ...one, isMark: false })),
    ...DeleteMarkers.map((one) => ({ ...one, Size: 0, isMark: true })),
  ].map((one) => ({ ...one, key: listedKey(one.Key), time: one.LastModified?.getTime() ?? 0 }))
  const getRank = ({ IsLatest, time }: (typeof entries)[number]) => (IsLatest === true ? Infinity : time)
  const newestFirst = entries.sort((a, b) => (getRank(a) === getRank(b) ? 0 : getRank(b) - getRank(a)))
  return newestFirst.filter(({ key, time, isMark, IsLatest }) => {
    const state = states.get(key) ?? (IsLatest === true && isMark ? 'removed' : 'done')
    const isThen = state === 'removed' && (at === null ? !isMark : time <= at)
    states.set(key, isThen ? 'done' : state)
    return isThen && !isMark
  })
}

/**
 * Copies an object within its bucket; its bytes stay at the store.
 * @param to may be the object's own name: this replaces its metadata in one step, for which S3 has no other call.
 * @param changes changed metadata.
 */
export async function copyObject(
  place: BucketPlace,
  from: string,
  to: string,
  most = COPY_BYTES,
  changes: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { client, bucket: Bucket } = place
  const source = toKey(place, from)
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: source }))
  const target = { Bucket, Key: toKey(place, to) }
  const begun = {
    ...target,
    ...toStorageClass(place, to),
    ...toLock(place, to),
    Metadata: { ...toCopyMetadata(head), ...changes },
  }
  const CopySource = copySource(Bucket, source)
  const size = head.ContentLength ?? 0
  if (size <= most) {
    const command = new CopyObjectCommand({ ...begun, CopySource, MetadataDirective: 'REPLACE' })
    await lockComplete(place, to, (await client.send(command)).VersionId)
    return
  }
  const made = await client.send(new CreateMultipartUploadCommand(begun))
  const upload = { ...target, UploadId: made.UploadId }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (let at = 0; at < size; at += most) {
      const PartNumber = Parts.length + 1
      const CopySourceRange = `bytes=${at}-${Math.min(at + most, size) - 1}`
      const part = { ...upload, CopySource, CopySourceRange, PartNumber }
      const copied = await client.send(new UploadPartCopyCommand(part))
      Parts.push({ PartNumber, ETag: copied.CopyPartResult?.ETag })
    }
    const MultipartUpload = { Parts }
    const { VersionId } = await client.send(
      new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }),
    )
    await lockComplete(place, to, VersionId)
  } catch (error) {
    await client
      .send(new AbortMultipartUploadCommand(upload))
      .catch(ignoreError('the sweep ends an unfinished upload'))
    throw error
  }
}

/**
 * Caches which names a bucket has. Only this computer writes to its folder, so each directory is listed once.
 * @param isObject queries one name.
 */
export function createNames(place: BucketPlace, isObject: (name: string) => Promise<boolean>) {
  /** Directories whose name no object has. */
  const free = new Set<string>()
  /** The names directly in a directory; null: too many for one page, so each name is queried. */
  const listed = new Map<string, Promise<Set<string> | null>>()
  let count = 0

  const list = async (directory: string): Promise<Set<string> | null> => {
    const { objects, next } = await listPage(place, directory, null, false)
    return next === null ? new Set(objects.map(({ name }) => name)) : null
  }

  /** Applies a change to a directory's cached names; a listing in progress gets it when it ends. */
  const change = (name: string, act: (names: Set<string>) => void): void => {
    const listing = listed.get(getDirectory(name))
    listing
      ?.then((names) => names !== null && act(names))
      .catch(ignoreError('the next question lists the directory again'))
  }

  return {
    /** True if no object has the name of a directory above: other systems cannot have both. @throws BackendError. */
    async isReachable(name: string): Promise<boolean> {
      for (let at = getDirectory(name); at !== ''; at = getDirectory(at.slice(0, -1))) {
        if (free.has(at)) continue
        if (await isObject(at.slice(0, -1))) return false
        if (free.size > MOST_NAMES) free.clear()
        free.add(at)
      }
      return true
    },
    /** @throws BackendError. */
    async has(name: string): Promise<boolean> {
      const directory = getDirectory(name)
      if (count > MOST_NAMES || listed.size > MOST_NAMES) {
        listed.clear()
        count = 0
      }
      const listing = listed.get(directory) ?? list(directory)
      listed.set(directory, listing)
      listing.catch(() => listed.delete(directory))
      const names = await listing
      return names === null ? isObject(name) : names.has(name)
    },
    /** Records an object of this name. */
    add(name: string): void {
      count += 1
      free.delete(`${name}/`)
      change(name, (names) => names.add(name))
    },
    /** Records that the name is free. */
    remove: (name: string) => change(name, (names) => names.delete(name)),
  }
}

const getDirectory = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1)

export type BucketAbilities = ReturnType<typeof createAbilities>

/**
 * Tests the abilities of a bucket: each at its first use. The results are kept until the store is closed.
 * @param trial name of the object that the tests write. It stays, because a key may lack permission to remove it.
 */
export function createAbilities(place: BucketPlace, trial: string) {
  const { client, bucket: Bucket } = place

  const put = (bytes: Uint8Array, md5: string, condition?: '*'): Promise<unknown> => {
    const what = { Bucket, Key: toKey(place, trial), Body: bytes, ContentMD5: md5 }
    const IfNoneMatch = condition === undefined ? {} : { IfNoneMatch: condition }
    return client.send(new PutObjectCommand({ ...what, ...IfNoneMatch }))
  }
  const bytes = randomBytes(16)
  /** Writes the trial object, once. */
  const first = once(() => put(bytes, contentMd5(bytes)))

  /** True if the store refuses a put that a store with the ability has to refuse. */
  const refuses = (wrongPut: Promise<unknown>): Promise<boolean> =>
    wrongPut.then(
      () => false,
      (error: unknown) => {
        unlessLost(error)
        return hasKind(error, 'exists') || hasKind(error, 'damaged')
      },
    )

  return {
    /** True if the bucket keeps older versions. */
    isVersioned: once(async () => {
      const answer = await client.send(new GetBucketVersioningCommand({ Bucket })).catch(unlessLost)
      return answer?.Status === 'Enabled'
    }),
    /** True if `If-None-Match: *` protects an existing object. */
    isConditional: once(async () => {
      await first()
      return refuses(put(bytes, contentMd5(bytes), '*'))
    }),
    /** True if the store refuses bytes that do not match their Content-MD5. */
    verifies: once(async () => {
      await first()
      return refuses(put(randomBytes(16), contentMd5(bytes)))
    }),
    /** True if the bucket has object lock. Only tests query it. */
    isLocked: once(async () => {
      const answer = await client.send(new GetObjectLockConfigurationCommand({ Bucket })).catch(unlessLost)
      return answer?.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled'
    }),
  }
}

/** Caches the result of a query; a failed query is repeated at the next call. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | null = null
  return () => {
    asking ??= ask().catch((error) => {
      asking = null
      throw error
    })
    return asking
  }
}
