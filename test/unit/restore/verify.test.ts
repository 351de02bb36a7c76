// Contents at a destination, compared with the ledger's records of them.

import { expect, test } from 'vitest'
import { NotReadable } from '../../../core/backends/errors.ts'
import type { Library } from '../../../core/backends/library.ts'
import type { SentFile } from '../../../core/ledger/pages.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { verifyLibrary } from '../../../core/restore/verify.ts'
import type { Finding } from '../../../core/store/verify/findings.ts'

const digestOf = (text: string) => computeDigest(Buffer.from(text))

/**
 * Verifies files. `there`: their contents at the destination, or the error with which they are read. `sent`: changes to
 * the ledger's records, by which each has its path as its content.
 */
async function verify(
  there: Record<string, string | Error>,
  sent: Record<string, Partial<SentFile>>,
  changes: { now?: SentFile | null; damaged?: readonly string[]; replaced?: readonly string[] } = {},
) {
  const library = {
    folders: async () => [{ name: 'folder', source: 's' }],
    async open({ folder, path }: { folder: string; path: string }) {
      const content = there[path]
      if (content === undefined || folder !== 'folder') throw new NotReadable('ENOENT')
      async function* pieces() {
        if (content instanceof Error) throw content
        yield Buffer.from(content ?? '')
      }
      const text = content instanceof Error ? '' : content
      const facts = { size: text.length, mtimeNs: 1n, mode: 0o644, user: 0, group: 0, more: null }
      return { facts, digest: digestOf(text), pieces }
    },
    close: () => undefined,
  } as unknown as Library
  const files = Object.entries(sent).map(
    ([path, more]): SentFile => ({
      ...{ path, size: path.length, digest: digestOf(path), sentAt: 1, sentNs: null },
      ...more,
    }),
  )
  const ended: string[] = []
  const queued: string[] = []
  const ledger = {
    sentFiles: () => files,
    sentFile: (_destination: string, _source: string, path: string) =>
      changes.now === undefined ? (files.find((one) => one.path === path) ?? null) : changes.now,
    sentSums: () => [{ source: 's', files: files.length, bytes: 0 }],
    isReplaced: (_destination: string, _source: string, { path }: SentFile) =>
      changes.replaced?.includes(path) === true,
    lookup: () => ({ state: 'waiting' }),
    offerDamaged: (_destination: string, { path, finding }: { path: string; finding: string }) =>
      queued.push(`${finding} ${path}`) > 0,
    isDamaged: (_destination: string, { path }: { path: string }) => changes.damaged?.includes(path) === true,
    endDamaged: (_destination: string, [one]: { path: string }[]) => void ended.push(one?.path ?? ''),
    recordProofs: () => undefined,
  } as unknown as Parameters<typeof verifyLibrary>[0]['ledger']
  const found: string[] = []
  const events = {
    found: async ({ kind, place }: Finding) => void found.push(`${kind} ${place}`),
    progress: () => undefined,
  }
  const summary = await verifyLibrary({ library, ledger, destination: 'd' }, events)
  return { summary, found, queued, ended }
}

test('verification: a content of another size or digest, one that is missing and one that cannot be read are sent again', async () => {
  const names = ['same', 'without', 'size', 'digest', 'both', 'gone', 'unreadable']
  const there = {
    ...{ same: 'same', without: 'any', size: 'size', digest: 'tsegid', both: 'longer' },
    unreadable: new NotReadable('EIO'),
  }
  const sent = {
    ...Object.fromEntries(names.map((name) => [name, {}])),
    // The digest is that of the content there: its size alone is another one.
    ...{ without: { size: 3, digest: null }, size: { size: 5 } },
  }
  const { summary, found, queued, ended } = await verify(there, sent)
  const wrong = ['damaged size', 'damaged digest', 'damaged both', 'missing gone', 'unreadable unreadable']
  expect(queued).toEqual(wrong)
  expect(found).toEqual(wrong.map((text) => text.replace(' ', ' folder/')))
  expect(summary).toMatchObject({ files: 7, damaged: 3, missing: 1, unreadable: 1, wanted: 5, cold: 0 })
  expect(ended).toEqual([])
})

test('verification: an intact content ends an earlier finding, and no other one', async () => {
  const { found, ended } = await verify(
    { a: 'a', b: 'b', c: 'other' },
    { a: {}, b: {}, c: {} },
    { damaged: ['b', 'c'] },
  )
  expect([found, ended]).toEqual([['damaged folder/c'], ['b']])
})

test('verification: a file that was sent again meanwhile, or whose path belongs to another one, is not reported', async () => {
  const other = { path: 'a', size: 1, digest: digestOf('a'), sentAt: 2, sentNs: null }
  for (const now of [null, other, { ...other, sentAt: 1, size: 2 }, { ...other, sentAt: 1, digest: null }])
    expect(await verify({ a: 'x' }, { a: {} }, { now })).toMatchObject({ found: [], queued: [] })
  expect(await verify({ a: 'x' }, { a: {} }, { now: { ...other, sentAt: 1 } })).toMatchObject({
    found: ['damaged folder/a'],
  })
  const replaced = await verify({ b: 'x' }, { a: {}, b: {} }, { replaced: ['a', 'b'] })
  // The content under a path is damaged, whatever file it belongs to.
  expect(replaced).toMatchObject({ found: ['damaged folder/b'], summary: { files: 1 } })
})
