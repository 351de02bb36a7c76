import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { createSemaphore } from '../../../pacing/semaphore.ts'
import { digestAt } from '../objects/content.ts'
import { orIf, unlessLost } from '../objects/faults.ts'
import type { ObjectFacts, ObjectStore } from '../objects/object-store.ts'
import { StoreFault } from '../objects/object-store.ts'
import type { BucketAbilities } from './bucket.ts'
import { abilitiesOf } from './bucket.ts'
import { PARALLEL } from './client.ts'
import { COPY_BYTES, copyObject } from './copy.ts'
import { factsOf, firstStoredAt, metadataOf } from './facts.ts'
import { faultOf } from './faults.ts'
import { listPage, olderVersions } from './listing.ts'
import { createNames } from './names.ts'
import type { BucketPlace } from './requests.ts'
import { contentMd5, keyOf, storageOf } from './requests.ts'
import { openUnfinished } from './resumable.ts'
import type { CheckParts } from './upload.ts'
import { beginParts, beginWhole, PART_BYTES, PARTS_MEMORY, partBytesOf } from './upload.ts'

export interface S3StoreOptions extends BucketPlace {
  /** Beginning of the names that are Holdfast's own, with "/" at its end. */
  own: string
  /** For tests: of parts, and of what is copied at once. */
  partBytes?: number
  copyBytes?: number
}

export interface S3Store extends ObjectStore {
  readonly client: S3Client
  readonly abilities: BucketAbilities
  /** The object that trying the bucket leaves. */
  readonly trial: string
}

/** Objects in a bucket. What the bucket can do is tried on it; see BucketAbilities. */
export function openS3Store(options: S3StoreOptions): S3Store {
  const { client, bucket: Bucket, own } = options
  const place: BucketPlace = options
  const trial = `${own}trial`
  const abilities = abilitiesOf(place, trial)
  const names = createNames(place, async (name) => (await info(name)) !== null)
  const memory = createSemaphore(PARTS_MEMORY)

  const info: ObjectStore['info'] = async (name, version = null) => {
    const of = { Bucket, Key: keyOf(place, name), ...versionOf(version) }
    const head = await client.send(new HeadObjectCommand(of)).catch(orIf('absent', null))
    if (head === null) return null
    const stored = head.LastModified ?? new Date(0)
    const facts = factsOf(head.ContentLength ?? 0, stored, head.Metadata)
    return {
      ...facts,
      name,
      storedAt: stored.getTime(),
      firstStoredAt: firstStoredAt(head.Metadata),
      version,
    }
  }

  const read: ObjectStore['read'] = async function* (name, from, signal, version = null) {
    const of = { Bucket, Key: keyOf(place, name), ...versionOf(version) }
    const range = from > 0 ? { Range: `bytes=${from}-` } : {}
    try {
      const { Body } = await client.send(new GetObjectCommand({ ...of, ...range }), { abortSignal: signal })
      yield* (Body as AsyncIterable<Uint8Array> | undefined) ?? []
    } catch (thrown) {
      const fault = faultOf(thrown, 'GetObject')
      // Nothing is behind its end.
      if (!(from > 0 && fault.reason.startsWith('InvalidRange'))) throw fault
    }
  }

  const remove: ObjectStore['remove'] = async (name) => {
    const command = new DeleteObjectCommand({ Bucket, Key: keyOf(place, name) })
    await client.send(command).catch(orIf('absent', undefined))
    names.remove(name)
  }

  /** A store that does not look at Content-MD5 is not believed: what it has is read back. */
  const readBack = async (name: string, { size }: ObjectFacts, digest: Uint8Array): Promise<void> => {
    const found = await digestAt({ read }, name, size, new AbortController().signal)
    if (found !== null && Buffer.compare(found, digest) === 0) return
    // Where it may not be removed, the next content sets it aside.
    await remove(name).catch(orIf('denied', undefined))
    throw new StoreFault('damaged', 'what the store has is not what was sent')
  }

  const ifAbsent = async (name: string): Promise<{ IfNoneMatch?: '*' }> => {
    if (!(await names.isReachable(name)))
      throw new StoreFault('exists', 'one stands where a directory has to be')
    if (await abilities.isVersioned()) return {}
    if (await abilities.isConditional()) return { IfNoneMatch: '*' }
    if (await names.has(name)) throw new StoreFault('exists', 'there is one')
    return {}
  }

  const put: ObjectStore['put'] = async (name, bytes, facts, { replace }) => {
    const command = new PutObjectCommand({
      Bucket,
      Key: keyOf(place, name),
      Body: bytes,
      ContentLength: bytes.length,
      ContentMD5: contentMd5(bytes),
      Metadata: metadataOf(facts),
      ...storageOf(place),
      ...(replace ? {} : await ifAbsent(name)),
    })
    await client.send(command)
    names.add(name)
    if (facts.digest !== null && !(await abilities.verifies())) await readBack(name, facts, facts.digest)
  }

  const list: ObjectStore['list'] = (prefix, after, deep) => listPage(place, prefix, after, deep)
  const unfinished = openUnfinished(place, own, { put, read, info, list, remove })

  const checkParts: CheckParts = async (name, facts, digest, isResumed) => {
    names.add(name)
    if (isResumed || !(await abilities.verifies())) return readBack(name, facts, digest)
    const size = (await info(name))?.size
    if (size !== facts.size) throw new StoreFault('damaged', `${size} bytes are stored of ${facts.size}`)
  }

  return {
    client,
    abilities,
    trial,
    can: { parallel: PARALLEL, durable: true, dates: true, vanish: false },
    put,
    async begin(name, facts, resume) {
      const least = options.partBytes ?? PART_BYTES
      if (facts.size <= least)
        return beginWhole(memory, facts, (bytes, digest) =>
          put(name, bytes, { ...facts, digest }, { replace: true }),
        )
      const partBytes = partBytesOf(facts.size, least)
      return beginParts({ place, unfinished, memory, partBytes, check: checkParts }, name, facts, resume)
    },
    info,
    read,
    async setAside(name, to, isReplaced) {
      const isMoved = !(await abilities.isVersioned())
      if (isMoved) await copyObject(place, name, to, options.copyBytes ?? COPY_BYTES)
      // The next content takes its place in one step.
      if (!isReplaced) await remove(name)
      return isMoved
    },
    versions: (name) => olderVersions(place, name),
    list,
    remove,
    async above(name) {
      const parts = place.prefix.split('/').slice(0, -1)
      for (let depth = parts.length; depth >= 0; depth -= 1) {
        const above = parts.slice(0, depth)
        const Key = [...above, name].join('/')
        const found = await client.send(new HeadObjectCommand({ Bucket, Key })).catch(unlessLost)
        if (found !== null) return [Bucket, ...above].join('/')
      }
      return null
    },
    sweep: unfinished.sweep,
    // There is no connection to lose: a request that is lost ends the session.
    ended: new Promise(() => undefined),
    close() {
      memory.close()
      client.destroy()
    },
  }
}

const versionOf = (version: string | null): { VersionId?: string } =>
  version === null ? {} : { VersionId: version }
