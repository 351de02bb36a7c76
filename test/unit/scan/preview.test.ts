import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { type ListOptions, listCandidates } from '../../../core/scan/preview/list-source.ts'
import { Previews } from '../../../core/scan/preview/preview.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const HOUR_S = 3_600

function write(root: string, name: string, bytes = 10, ageS = HOUR_S) {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, 'x'.repeat(bytes))
  chmodSync(file, 0o644)
  const at = Date.now() / 1_000 - ageS
  utimesSync(file, at, at)
}

const buildSource = (root: string, settings: object = {}) =>
  sourceSchema.parse({ id: 's', path: root, name: 's', ...settings })

test('preview: files and bytes that are kept and left out are counted by rule, with examples', async () => {
  const root = temporaryDirectory('preview')
  for (const name of ['a', 'below/b', 'x.log', 'below/y.log', 'cache/1', 'own/1']) write(root, name)
  write(root, 'tiny', 1)
  write(root, 'huge', 1_000)
  write(root, 'young', 10, 0)
  execFileSync('mkfifo', [path.join(root, 'fifo')])
  const source = buildSource(root, {
    ignore: ['*.log', 'cache/', 'nothing', '# a comment', '!kept', ''],
    ...{ minimumBytes: 5, maximumBytes: 100, minimumAgeSeconds: 600 },
  })
  const own = new OwnPlaces([path.join(root, 'own')])
  const found = await new Previews().run(source, 3, own)
  expect(found).toMatchObject({ ended: 'complete', kept: { files: 2, bytes: 20 } })
  const sums = found.leftOut.map(({ reason, pattern, files, bytes }) => [reason, pattern, files, bytes])
  expect(sums[0]).toEqual(['ignored', '*.log', 2, 20])
  expect(new Set(sums)).toEqual(
    new Set([
      ['ignored', '*.log', 2, 20],
      ['ignored', 'cache/', 1, 10],
      ['ignored', 'nothing', 0, 0],
      ['too-small', null, 1, 1],
      ['too-large', null, 1, 1_000],
      ['too-young', null, 1, 10],
      ['not-a-file', null, 1, 0],
    ]),
  )
  expect(found.examples).toHaveLength(3)
})

test('preview: a newer one of the same source ends the earlier one, and the time limit ends each', async () => {
  const root = temporaryDirectory('previews')
  for (const name of ['a', 'b/c', 'd/e']) write(root, name)
  const previews = new Previews()
  const source = buildSource(root)
  const own = new OwnPlaces([])
  const first = previews.run(source, 0, own)
  const other = previews.run({ ...source, id: 'other' }, 0, own)
  const second = previews.run(source, 0, own)
  expect([(await first).ended, (await other).ended, (await second).ended]).toEqual([
    'superseded',
    'complete',
    'complete',
  ])
  const third = previews.run(source, 0, own)
  previews.stop()
  expect((await third).ended).toBe('superseded')
  const never = { refresh: () => new Promise<void>(() => undefined) } as unknown as OwnPlaces
  expect(await new Previews(10).run(source, 0, never)).toMatchObject({ ended: 'time', kept: { files: 0 } })
  await expect(previews.run(buildSource(path.join(root, 'none')), 0, own)).rejects.toMatchObject({
    sentence: { key: 'scan.list.failed', params: { reason: 'ENOENT' } },
  })
})

async function list(root: string, settings: object = {}, options: Partial<ListOptions> = {}) {
  const source = buildSource(root, { kind: 'batch', batch: { prefix: 'DC' }, ...settings })
  const reasons: Record<string, string | null> = {}
  const all = { source, quietSeconds: 10, own: new OwnPlaces([]), ...options }
  for await (const { path: name, why } of listCandidates(all))
    reasons[name] = why === null ? null : englishWords(why)
  return reasons
}

test('batch candidates: closed directories come oldest first; everything beside them has its reason', async () => {
  const root = temporaryDirectory('batches')
  const { batch } = buildSource(root, { kind: 'batch', batch: { prefix: 'DC' } })
  for (const name of ['DC1/a', 'DC1/sub/b', 'DC2/c', 'DC3/d', 'other/e', 'cache/f', 'beside'])
    write(root, name)
  for (const [index, name] of ['DC2', 'DC1'].entries()) {
    write(root, `${name}/${batch.closedMark}`, 0)
    const at = Date.now() / 1_000 - HOUR_S + index
    utimesSync(path.join(root, name), at, at)
  }
  const found = await list(root, { ignore: ['cache/'] })
  const sent = Object.keys(found).filter((name) => found[name] === null)
  expect(sent).toEqual(expect.arrayContaining(['DC1/a', 'DC1/sub/b', 'DC2/c']))
  expect(found).toMatchObject({
    beside: expect.stringMatching(/batch/i),
    'other/': expect.stringMatching(/batch/i),
  })
  expect(Object.keys(found)).not.toContain('other/e')
  expect(found['cache/'] ?? found.cache).toContain('cache/')
  const error = { sentence: { key: 'scan.list.notDirectory' } }
  await expect(list(path.join(root, 'beside'))).rejects.toMatchObject(error)
  await expect(list(path.join(root, 'beside'), { kind: 'continuous' })).rejects.toMatchObject(error)
  await expect(list(path.join(root, 'none'))).rejects.toMatchObject({
    sentence: { key: 'scan.list.failed' },
  })
})
