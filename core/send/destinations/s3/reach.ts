import { lookup } from 'node:dns/promises'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { ignoreError } from '../../../dropped-errors.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import type { S3Destination } from '../../../settings/destination-schema.ts'
import { OWN_DIRECTORY } from '../../../store/layout.ts'
import type { ReachedStore } from '../objects/objects.ts'
import { isOwnAddress, readClocks } from '../sleep-network-watch.ts'
import { createClient, type S3Place } from './client.ts'
import { S3Store } from './s3-store.ts'
import { explained } from './trouble.ts'

/** A bucket, as it was entered. */
export type S3Target = S3Place & Pick<S3Destination, 'name' | 'bucket' | 'prefix' | 'storageClass' | 'folder'>

/**
 * Opens a bucket as a store, after checking that it can be used. The first request is a listing, because the answer
 * to it contains the cause of an error.
 * @throws UserError if only a person can help; StoreFault.
 */
export async function reachBucket(
  target: S3Target,
  secrets: Readonly<Record<string, string>>,
): Promise<ReachedStore & { store: S3Store }> {
  const { bucket, storageClass, folder } = target
  if (bucket.includes('/')) throw bucketAndPrefix(target)
  const prefix = target.prefix === '' ? '' : `${target.prefix}/`
  const client = createClient(target, secrets)
  const store = new S3Store({ client, bucket, prefix, storageClass, own: `${folder}/${OWN_DIRECTORY}/` })
  try {
    await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: target.prefix, MaxKeys: 1 }))
    return { store, localAddress: null, isToItself: await isOnThisComputer(target.endpoint) }
  } catch (error) {
    store.close()
    throw await explained(error, target)
  }
}

/** Returns an error that suggests to split the entry into bucket and prefix. */
function bucketAndPrefix({ bucket, prefix }: S3Target): UserError {
  const [first = '', ...rest] = [...bucket.split('/'), ...prefix.split('/')].filter((part) => part !== '')
  return new UserError('s3.bucketAndPrefix', { bucket, first, rest: rest.join('/') })
}

/** True if a server is this computer; false: it is not, or its name cannot be resolved now. */
async function isOnThisComputer(endpoint: string): Promise<boolean> {
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, '')
  const { addresses } = readClocks()
  const found = await lookup(host, { all: true }).catch(
    ignoreError('a server whose name has no address counts as another computer', []),
  )
  return found.some(({ address }) => isOwnAddress(address, addresses))
}
