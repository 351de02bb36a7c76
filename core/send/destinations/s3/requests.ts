import { createHash } from 'node:crypto'
import type { S3Client, StorageClass } from '@aws-sdk/client-s3'
import { dropError } from '../../../dropped-errors.ts'
import { StoreFault } from '../objects/object-store.ts'

/** A bucket with its client and settings. */
export interface BucketPlace {
  client: S3Client
  bucket: string
  /** Prefix of all names; empty, or with "/" at its end. */
  prefix: string
  storageClass: string | null
}

/** Returns the storage class for requests that create objects. */
export const toStorageClass = ({ storageClass }: BucketPlace): { StorageClass?: StorageClass } =>
  storageClass === null ? {} : { StorageClass: storageClass as StorageClass }

/** Longest key that stores accept, in bytes of UTF-8. */
const MOST_KEY_BYTES = 1024

/** @throws StoreFault `impossible`. */
export function toKey({ prefix }: Pick<BucketPlace, 'prefix'>, name: string): string {
  const key = `${prefix}${name}`
  const bytes = Buffer.byteLength(key)
  if (bytes > MOST_KEY_BYTES)
    throw new StoreFault('impossible', `KeyTooLong: ${bytes} bytes, of which a store takes ${MOST_KEY_BYTES}`)
  return key
}

/** The checksum that stores compare with the received bytes, if they check any; see `verifies` in bucket.ts. */
export const contentMd5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64')

/** Returns a key for `x-amz-copy-source`. */
export const copySource = (bucket: string, key: string): string =>
  `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`

/** Decodes a key of a listing with `EncodingType: 'url'`, which is needed because XML cannot contain all characters. */
export function listedKey(encoded: string | undefined): string {
  try {
    return decodeURIComponent((encoded ?? '').replaceAll('+', '%20'))
  } catch (error) {
    return dropError(error, 'the key of a listing is not encoded, although that was asked for', encoded ?? '')
  }
}
