// @module-tag story
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Previews } from '../../../core/scan/preview/preview.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { canMount, mountHung } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const own = new OwnPlaces([])

const buildSource = (root: string, settings: Record<string, unknown> = {}) =>
  sourceSchema.parse({ id: 's', path: root, name: 's', ...settings })

function write(root: string, name: string, bytes = 10, ageSeconds = 3_600) {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, 'x'.repeat(bytes))
  const at = new Date(Date.now() - ageSeconds * 1_000)
  utimesSync(file, at, at)
}

test('filter preview: counts files and bytes for each rule, with whole directories, and lists examples', async () => {
  const root = temporaryDirectory('preview')
  for (const name of [
    'a',
    'b/c',
    'x.log',
    'cache/1',
    'cache/deep/2',
    '.h',
    '.git/3',
    'd.part',
    '.holdfast-probe-0a1b2c3d-1-0a1b2c3d-1',
  ])
    write(root, name)
  write(root, 'tiny', 1)
  write(root, 'huge', 1_000)
  write(root, 'young', 10, 0)
  symlinkSync('/etc/passwd', path.join(root, 'link'))
  const source = buildSource(root, {
    ignore: ['*.log', 'cache/', 'nothing'],
    hidden: 'leave-out',
    minimumBytes: 5,
    maximumBytes: 100,
    minimumAgeSeconds: 60,
  })
  const { ended, kept, leftOut, examples } = await new Previews().run(source, 100, own)
  expect({ ended, kept }).toEqual({ ended: 'complete', kept: { files: 2, bytes: 20 } })
  const rows = leftOut.map(({ reason, pattern, files, bytes }) => [pattern ?? reason, files, bytes].join(' '))
  expect(rows.toSorted()).toEqual([
    '*.log 1 10',
    'cache/ 2 20',
    'hidden 2 20',
    'not-a-file 1 0',
    'nothing 0 0',
    'temporary 1 10',
    'too-large 1 1000',
    'too-small 1 1',
    'too-young 1 10',
  ])
  expect(leftOut[0]?.files).toBe(2)
  expect(examples).toHaveLength(10)
  expect(examples).toContainEqual({ path: 'cache/deep/2', size: 10, reason: 'ignored', pattern: 'cache/' })
  expect((await new Previews().run(source, 3, own)).examples).toHaveLength(3)
})

test('filter preview: only files in batch directories are kept for a batch source', async () => {
  const root = temporaryDirectory('preview')
  for (const name of ['DC1/a', 'DC1/finished.parse', 'other/b', 'loose']) write(root, name)
  const { kept, leftOut } = await new Previews().run(
    buildSource(root, { kind: 'batch', batch: { prefix: 'DC' } }),
    10,
    own,
  )
  expect(kept.files).toBe(1)
  expect(leftOut).toEqual([
    { reason: 'not-batch', pattern: null, files: 2, bytes: 20 },
    { reason: 'mark', pattern: null, files: 1, bytes: 10 },
  ])
})

test('filter preview: a newer run supersedes the one before, and a time limit ends a run with partial counts', async () => {
  const root = temporaryDirectory('preview')
  for (let index = 0; index < 3_000; index += 1) write(root, `${index % 50}/${index}`)
  const previews = new Previews()
  const first = previews.run(buildSource(root), 10, own)
  const second = previews.run(buildSource(root), 10, own)
  expect((await first).ended).toBe('superseded')
  expect(await second).toMatchObject({ ended: 'complete', kept: { files: 3_000 } })
  const hasty = await new Previews(1).run(buildSource(root), 10, own)
  expect(hasty.ended).toBe('time')
  expect(hasty.kept.files).toBeLessThan(3_000)
})

test('filter preview: Holdfast’s own data directory and a link to a key of it are not counted', async () => {
  const root = temporaryDirectory('preview')
  for (const name of ['a', 'data/ledger.db', 'data/secrets.json']) write(root, name)
  linkSync(path.join(root, 'data/secrets.json'), path.join(root, 'linked.json'))
  const places = new OwnPlaces(['data', 'data/secrets.json'].map((name) => path.join(root, name)))
  const { kept, leftOut } = await new Previews().run(buildSource(root), 10, places)
  expect({ kept, leftOut }).toEqual({ kept: { files: 1, bytes: 10 }, leftOut: [] })
})

test('filter preview: a missing directory is rejected with the reason', async () => {
  const root = path.join(temporaryDirectory('preview'), 'away')
  await expect(new Previews().run(buildSource(root), 10, own)).rejects.toMatchObject({
    sentence: { key: 'scan.list.failed', params: { path: root, reason: 'ENOENT' } },
  })
})

test.skipIf(!canMount)(
  'filter preview: each of three runs on a hanging disk ends at the time limit (needs root: mounts)',
  async () => {
    const hung = await mountHung(onTestFinished)
    const previews = new Previews(300)
    for (let round = 0; round < 3; round += 1) {
      const { ended, kept } = await previews.run(buildSource(hung.point), 10, own)
      expect({ ended, kept }).toEqual({ ended: 'time', kept: { files: 0, bytes: 0 } })
    }
  },
)
