import { randomUUID } from 'node:crypto'
import { CreateBucketCommand, PutBucketVersioningCommand, type S3Client } from '@aws-sdk/client-s3'
import { createClient, S3Store, type S3StoreOptions } from '../../../core/backends/s3/s3-store.ts'
import type { StorageServer } from './servers.ts'

export const MIB = 1024 * 1024

/** A bucket of a test's own. */
export interface TestBucket {
  client: S3Client
  bucket: string
  /** Over it; parts have the least size that stores take. */
  open(options?: Partial<S3StoreOptions>): S3Store
}

export async function makeBucket(
  server: StorageServer,
  { versioned = false, locked = false }: { versioned?: boolean; locked?: boolean } = {},
): Promise<TestBucket> {
  const { endpoint, region, accessKey, secretKey } = server
  const place = { endpoint, region, pathStyle: true, certificate: null }
  const connect = () => createClient(place, { accessKey, secretKey })
  const client = connect()
  const bucket = `t-${randomUUID()}`
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: locked }))
  if (versioned) {
    const VersioningConfiguration = { Status: 'Enabled' } as const
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }))
  }
  return {
    client,
    bucket,
    open: (options = {}) =>
      new S3Store({
        client: connect(),
        bucket,
        prefix: 'p/',
        storageClass: null,
        lockDays: null,
        own: 'pc/.holdfast/',
        partBytes: 5 * MIB,
        copyBytes: 5 * MIB,
        ...options,
      }),
  }
}
