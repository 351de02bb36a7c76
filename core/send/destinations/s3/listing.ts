import {
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListObjectVersionsCommand,
  type ObjectVersion,
} from '@aws-sdk/client-s3'
import type { ObjectInfo, ObjectPage } from '../objects/object-store.ts'
import { parseFacts } from './facts.ts'
import { type BucketPlace, listedKey, toKey } from './requests.ts'

/** Listings contain no metadata: time and mode are defaults, and there is no digest. */
function toObjectInfo(name: string, size: number, stored: Date, version: string | null): ObjectInfo {
  return { ...parseFacts(size, stored), name, storedAt: stored.getTime(), version }
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
    ...(after === null ? {} : { ContinuationToken: after }),
  }
  const page = await place.client.send(new ListObjectsV2Command(input))
  const toName = (encoded: string | undefined) => listedKey(encoded).slice(place.prefix.length)
  return {
    objects: (page.Contents ?? []).map(({ Key, Size, LastModified }) =>
      toObjectInfo(toName(Key), Size ?? 0, LastModified ?? new Date(0), null),
    ),
    directories: (page.CommonPrefixes ?? []).map(({ Prefix }) => toName(Prefix)),
    next: page.IsTruncated === true ? (page.NextContinuationToken ?? null) : null,
  }
}

/** Returns the versions of a name that were replaced or removed, newest first. */
export async function olderVersions(place: BucketPlace, name: string): Promise<ObjectInfo[]> {
  const key = toKey(place, name)
  const found: ObjectInfo[] = []
  let marker: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (;;) {
    const input = { Bucket: place.bucket, Prefix: key, EncodingType: 'url', ...marker } as const
    const page = await place.client.send(new ListObjectVersionsCommand(input))
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
