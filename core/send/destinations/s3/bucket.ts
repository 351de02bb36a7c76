import { randomBytes } from 'node:crypto'
import {
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { isFault, unlessLost } from '../objects/faults.ts'
import { type BucketPlace, contentMd5, keyOf } from './requests.ts'

/** What a bucket can do: each is found out when it is first asked for, and then known for as long as it is open. */
export type BucketAbilities = ReturnType<typeof abilitiesOf>

/** @param trial name of an object that the trials write; it stays, as a key may be allowed to remove nothing. */
export function abilitiesOf(place: BucketPlace, trial: string) {
  const { client, bucket: Bucket } = place

  const put = (bytes: Uint8Array, md5: string, condition?: '*'): Promise<unknown> => {
    const what = { Bucket, Key: keyOf(place, trial), Body: bytes, ContentMD5: md5 }
    const IfNoneMatch = condition === undefined ? {} : { IfNoneMatch: condition }
    return client.send(new PutObjectCommand({ ...what, ...IfNoneMatch }))
  }
  const bytes = randomBytes(16)
  /** Once it is there. */
  const first = once(() => put(bytes, contentMd5(bytes)))

  /** Whether a put is refused that a store with the ability refuses. */
  const refuses = (wrongPut: Promise<unknown>): Promise<boolean> =>
    wrongPut.then(
      () => false,
      (error: unknown) => {
        unlessLost(error)
        return isFault(error, 'exists') || isFault(error, 'damaged')
      },
    )

  return {
    /** It keeps older contents by itself. */
    isVersioned: once(async () => {
      const answer = await client.send(new GetBucketVersioningCommand({ Bucket })).catch(unlessLost)
      return answer?.Status === 'Enabled'
    }),
    /** `If-None-Match: *` keeps what is there. */
    isConditional: once(async () => {
      await first()
      return refuses(put(bytes, contentMd5(bytes), '*'))
    }),
    /** Bytes that are not those of their Content-MD5 are refused. */
    verifies: once(async () => {
      await first()
      return refuses(put(randomBytes(16), contentMd5(bytes)))
    }),
    /** What is stored cannot be removed for a while. Not asked for by the sender: it removes nothing that counts. */
    isLocked: once(async () => {
      const answer = await client.send(new GetObjectLockConfigurationCommand({ Bucket })).catch(unlessLost)
      return answer?.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled'
    }),
  }
}

/** Asks once; a question that failed is asked again. */
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
