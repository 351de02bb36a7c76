import path from 'node:path'
import { expect, test } from 'vitest'
import { createFixityHasher } from '../../../core/platform/fixity.ts'
import { openRestoring } from '../../support/store/restoring.ts'

const list = (content: string) => {
  const hasher = createFixityHasher(['sha256'])
  hasher.update(Buffer.from(content))
  return { kind: 'sha256', digest: hasher.digest().sha256?.toString('hex') ?? '' } as const
}

test('restore with a manifest: contents with other digests are not restored, and files that are missing are reported', async () => {
  const { base, put, restore, textsIn } = await openRestoring()
  for (const name of ['a/same', 'a/other', 'b/same']) await put(name, name)
  const manifest = new Map([
    ...['a/same', 'b/same', 'a/gone', 'b/gone', 'ab'].map((name) => [name, list(name)] as const),
    ['a/other', list('else')],
  ])
  const restoreSome = async (name: string, chosen: { path?: string }) => {
    const to = path.join(base, name)
    const { events, summary } = await restore(to, { sender: 'pc', source: 'data', manifest, ...chosen })
    const wrong = events.flatMap((event) =>
      event.kind !== 'restored' && 'place' in event ? [`${event.kind} ${event.place}`] : [],
    )
    return { wrong, summary, texts: textsIn(to) }
  }
  const all = await restoreSome('all', {})
  expect(all.texts).toEqual({ 'a/same': 'a/same', 'b/same': 'b/same' })
  expect(all.wrong.toSorted()).toEqual([
    ...['damaged pc/data/a/other', 'missing pc/data/a/gone', 'missing pc/data/ab', 'missing pc/data/b/gone'],
  ])
  expect(all.summary).toMatchObject({ files: 6, restored: 2, failed: 4 })
  // Only what is below the chosen path is missing.
  const some = await restoreSome('some', { path: 'a' })
  expect(some.wrong.toSorted()).toEqual(['damaged pc/data/a/other', 'missing pc/data/a/gone'])
  expect(some.summary).toMatchObject({ files: 3, restored: 1, failed: 2 })
})
