import { randomBytes } from 'node:crypto'
import {
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { isFault, unlessLost } from '../objects/faults.ts'
import { type BucketPlace, contentMd5, toKey } from './requests.ts'

/** The abilities of a bucket: each is tested at its first use, and the result kept until the store is closed. */
export type BucketAbilities = ReturnType<typeof createAbilities>

/** @param trial name of the object that the tests write. It stays, because a key may lack permission to remove it. */
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
        return isFault(error, 'exists') || isFault(error, 'damaged')
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
    /** True if objects cannot be removed for a while. Only tests query it, for a note to the person. */
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
