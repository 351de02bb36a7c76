import type { S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { listRemoved } from '../../../core/backends/s3/bucket.ts'

interface Entry {
  key: string
  /** Seconds; also the id of the version. */
  at: number
  isMark?: boolean
}

/** A bucket that lists so many versions a page, each name from its newest to its oldest. */
function openBucket(entries: readonly Entry[], pageSize: number) {
  const all = [...entries].sort((a, b) => (a.key === b.key ? b.at - a.at : a.key < b.key ? -1 : 1))
  const listed = all.map(({ key, at, isMark = false }, index) => ({
    ...{ Key: `p/${key}`, VersionId: `${at}`, LastModified: new Date(at * 1000), Size: at, isMark },
    IsLatest: all[index - 1]?.key !== key,
  }))
  const send = async ({ input }: { input: { KeyMarker?: string; VersionIdMarker?: string } }) => {
    const isLast = (one: (typeof listed)[number]) =>
      one.Key === input.KeyMarker && one.VersionId === input.VersionIdMarker
    const from = input.KeyMarker === undefined ? 0 : listed.findIndex(isLast) + 1
    const page = listed.slice(from, from + pageSize)
    return {
      Versions: page.filter(({ isMark }) => !isMark),
      DeleteMarkers: page.filter(({ isMark }) => isMark),
      IsTruncated: from + pageSize < listed.length,
      NextKeyMarker: page.at(-1)?.Key,
      NextVersionIdMarker: page.at(-1)?.VersionId,
    }
  }
  const client: Pick<S3Client, 'send'> = { send }
  return {
    client: client as S3Client,
    bucket: 'b',
    prefix: 'p/',
    storageClass: null,
    lockDays: null,
    own: '',
  }
}

const entries: Entry[] = [
  { key: 'kept', at: 1 },
  { key: 'kept', at: 5 },
  { key: 'removed', at: 1 },
  { key: 'removed', at: 2 },
  { key: 'removed', at: 6 },
  { key: 'removed', at: 7, isMark: true },
  { key: 'removed before', at: 1 },
  { key: 'removed before', at: 2, isMark: true },
  { key: 'removed twice', at: 1 },
  { key: 'removed twice', at: 2, isMark: true },
  { key: 'removed twice', at: 6 },
  { key: 'removed twice', at: 7, isMark: true },
  { key: 'stored later', at: 6 },
  { key: 'stored later', at: 7, isMark: true },
]

test.each([1, 2, 3, 5, 100])(
  'removed objects, %i versions a page: each is listed once, as it was at the time',
  async (size) => {
    const place = openBucket(entries, size)
    const listAll = async (at: number | null) => {
      const found: string[] = []
      for (let after: string | null = null; ; ) {
        const page = await listRemoved(place, '', after, at, true)
        found.push(...page.objects.map(({ name, version }) => `${name} ${version}`))
        after = page.next
        if (after === null) return found
      }
    }
    expect(await listAll(4000)).toEqual(['removed 2'])
    expect(await listAll(1000)).toEqual(['removed 1', 'removed before 1', 'removed twice 1'])
    expect(await listAll(6500)).toEqual(['removed 6', 'removed twice 6', 'stored later 6'])
    expect(await listAll(500)).toEqual([])
    // Whenever it was removed, its last content.
    expect(await listAll(null)).toEqual([
      ...['removed 6', 'removed before 1', 'removed twice 6', 'stored later 6'],
    ])
  },
)
