import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { listVersions, runStoreCommand } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { allSent, offerAll, readTree, startPair, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Paths with mode and time, to the millisecond. */
function facts(root: string): Record<string, string> {
  return Object.fromEntries(
    Object.keys(readTree(root)).map((name) => {
      const { mode, mtimeMs } = fs.statSync(path.join(root, name))
      return [name, `${(mode & 0o777).toString(8)} ${Math.round(mtimeMs)}`]
    }),
  )
}

async function sendTwice() {
  const base = temporaryDirectory('restore')
  const pair = await startPair(base)
  const { source } = pair.home
  for (let index = 0; index < 30; index += 1) {
    writeFile(source, `deep/d${index % 3}/file-${index}`, `one ${index}`)
    fs.chmodSync(path.join(source, `deep/d${index % 3}/file-${index}`), index % 2 === 0 ? 0o640 : 0o755)
    fs.utimesSync(path.join(source, `deep/d${index % 3}/file-${index}`), 1, 1_500_000_000 + index)
  }
  writeFile(source, 'large', Buffer.alloc(700_000, 7))
  const first = readTree(source)
  offerAll(pair.home)
  pair.sender.configure(pair.config)
  await allSent(pair.sender, 31)
  const between = Date.now() + 1
  await until('a moment later', () => Date.now() > between + 5)
  writeFile(source, 'deep/d0/file-0', 'two')
  writeFile(source, 'new', 'new')
  offerAll(pair.home)
  pair.sender.nudge()
  await until(
    'the new content is there',
    () => listVersions(pair.store, 'sender-1/data/deep/d0/file-0').length === 1,
  )
  await allSent(pair.sender, 32)
  return { base, ...pair, source, first, between: new Date(between).toISOString() }
}

const data = ['--sender', 'sender-1', '--source', 'data']

test('`holdfast restore`: a tree, a file, a version and an earlier tree are restored', {
  tags: 'story',
}, async () => {
  const { arrived, base, store, source, first, between } = await sendTwice()
  const to = (name: string) => path.join(base, name)
  const restore = (...words: string[]) => runStoreCommand('restore', store, ...words)

  const whole = await restore(to('whole'), ...data)
  expect([whole.code, whole.lines.at(-1)]).toMatchObject([0, { type: 'summary', restored: 32, failed: 0 }])
  expect(readTree(to('whole'))).toEqual(readTree(source))
  expect(facts(to('whole'))).toEqual(facts(source))

  expect((await restore(to('then'), ...data, '--at', between)).code).toBe(0)
  expect(readTree(to('then'))).toEqual(first)
  expect(await restore(to('before'), ...data, '--at', '2001-01-01')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/At Jan 1, 2001, .* there was nothing at .*store\/sender-1\/data;/),
  })
  expect((await restore(to('before'), '--sender', 'nobody')).err).toContain('nothing to restore')

  const one = [...data, '--path', 'deep/d0/file-0']
  const listed = (await restore('--list', ...one)).lines.filter(({ type }) => type === 'listed')
  expect(listed.map(({ version }) => version)).toEqual([expect.stringMatching(/^\d{8}T/), null])
  const version = String(listed[0]?.version)
  expect((await restore(to('old'), ...one, '--version', version)).code).toBe(0)
  expect(fs.readFileSync(path.join(to('old'), 'file-0'), 'utf8')).toBe('one 0')
  expect((await restore(to('dir'), ...data, '--path', 'deep/d1')).code).toBe(0)
  expect(readTree(to('dir'))).toEqual(readTree(path.join(source, 'deep/d1')))
  expect(readTree(to('all'))).toEqual({})
  expect((await restore(to('all'))).code).toBe(0)
  expect(readTree(path.join(to('all'), 'sender-1/data'))).toEqual(readTree(source))

  fs.rmSync(path.join(arrived, 'deep/d1'), { recursive: true })
  fs.rmSync(path.join(arrived, 'new'))
  // A directory in a file's place is not that file.
  fs.mkdirSync(path.join(arrived, 'new'))
  const incomplete = await restore(to('incomplete'), ...data)
  const told = (kind: string) =>
    incomplete.lines.filter((line) => line.kind === kind).map(({ place }) => place)
  expect([incomplete.code, told('missing').length]).toEqual([1, 10])
  expect(told('strange')).toEqual(['sender-1/data/new'])
  expect(incomplete.lines.at(-1)).toMatchObject({ restored: 21, files: 32, failed: 11 })
  expect((await restore(to('one'), ...data, '--path', 'new')).code).toBe(1)
  expect((await restore(to('part'), ...data, '--path', 'deep/d0')).code).toBe(0)
})

test('`holdfast restore`: existing files stay without --overwrite, and damaged files and links are refused one by one', async () => {
  const { base, store, arrived, source } = await sendTwice()
  const to = path.join(base, 'to')
  const restore = (...words: string[]) => runStoreCommand('restore', store, to, ...data, ...words)
  const kinds = (lines: Record<string, unknown>[]) =>
    lines
      .filter(({ type, kind }) => type === 'file' && kind !== 'restored')
      .map(({ kind }) => kind)
      .sort()

  writeFile(to, 'new', 'mine')
  writeFile(to, 'large', fs.readFileSync(path.join(source, 'large')))
  fs.symlinkSync(base, path.join(to, 'deep'))
  const outside = fs.readdirSync(base).sort()
  const kept = await restore()
  expect([kept.code, [...new Set(kinds(kept.lines))]]).toEqual([1, ['exists', 'inTheWay', 'same']])
  expect(fs.readFileSync(path.join(to, 'new'), 'utf8')).toBe('mine')
  expect(fs.readdirSync(base).sort()).toEqual(outside)

  fs.rmSync(path.join(to, 'deep'))
  fs.writeFileSync(path.join(arrived, 'deep/d1/file-1'), 'bad 1')
  fs.utimesSync(path.join(arrived, 'deep/d1/file-1'), 1, 1_500_000_001)
  fs.writeFileSync(path.join(arrived, 'deep/d1/file-7'), 'bad 7')
  fs.rmSync(path.join(arrived, 'deep/d1/file-4'))
  fs.symlinkSync('/etc/passwd', path.join(arrived, 'deep/d1/file-4'))
  const replaced = await restore('--overwrite')
  expect([replaced.code, kinds(replaced.lines)]).toEqual([1, ['damaged', 'damaged', 'same', 'strange']])
  const expected = readTree(source)
  for (const name of ['deep/d1/file-1', 'deep/d1/file-4', 'deep/d1/file-7']) delete expected[name]
  expect(readTree(to)).toEqual(expected)

  fs.rmSync(path.join(arrived, 'deep'), { recursive: true })
  fs.symlinkSync('/etc', path.join(arrived, 'deep'))
  const linked = await restore('--path', 'deep/d1/file-1')
  expect([linked.code, kinds(linked.lines)]).toEqual([1, ['strange']])
  expect(await runStoreCommand('restore', store)).toMatchObject({
    code: 2,
    err: expect.stringContaining('Give the folder to restore to'),
  })
})
