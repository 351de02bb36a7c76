import { lookup } from 'node:dns/promises'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { OWN_DIRECTORY } from '../../../store/layout.ts'
import { isOwnAddress, momentNow } from '../wake.ts'
import { createClient, type S3Place } from './client.ts'
import type { S3Store } from './store.ts'
import { openS3Store } from './store.ts'

/** A bucket as it is given. */
export interface S3Target extends S3Place {
  name: string
  bucket: string
  prefix: string
  storageClass: string | null
  folder: string
}

/** Without asking anything of it. */
export function openTarget(target: S3Target, secrets: Readonly<Record<string, string>>): S3Store {
  const { bucket, storageClass, folder } = target
  return openS3Store({
    client: createClient(target, secrets),
    bucket,
    prefix: target.prefix === '' ? '' : `${target.prefix}/`,
    storageClass,
    own: `${folder}/${OWN_DIRECTORY}/`,
  })
}

/** The first request: unlike others it is answered with what is wrong. @throws StoreFault. */
export async function askBucket(store: S3Store, { bucket, prefix }: S3Target): Promise<void> {
  const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 })
  await store.client.send(command)
}

/** Whether a server is this computer; false: it is not, or its name says nothing now. */
export async function isOnThisComputer(endpoint: string): Promise<boolean> {
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, '')
  const { addresses } = momentNow()
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.some(({ address }) => isOwnAddress(address, addresses))
}
