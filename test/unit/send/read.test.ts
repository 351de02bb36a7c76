import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { markGroupWrite } from '../../../core/send/marks/group-write.ts'
import { factsOf } from '../../../core/send/reading/facts.ts'
import { openReading, readSmall, unsentBecause } from '../../../core/send/reading/read.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const factsAt = (file: string) => factsOf(fs.lstatSync(file, { bigint: true }))

function makeFile(content = 'content') {
  const file = path.join(temporaryDirectory('read'), 'file')
  fs.writeFileSync(file, content)
  return { file, offered: factsAt(file) }
}

const later = (file: string) => fs.utimesSync(file, 2_000_000_000, 2_000_000_000)

const changes: [string, (file: string) => void, string][] = [
  ['as offered', () => undefined, 'content'],
  ['grown', (file) => fs.appendFileSync(file, '!'), 'changed'],
  ['truncated', (file) => fs.truncateSync(file, 1), 'changed'],
  ['of the same size but written again', later, 'changed'],
  [
    'replaced',
    (file) => {
      fs.writeFileSync(`${file}.new`, 'content')
      fs.renameSync(`${file}.new`, file)
    },
    'changed',
  ],
  ['deleted', (file) => fs.rmSync(file), 'vanished'],
  [
    'a link',
    (file) => {
      fs.renameSync(file, `${file}.moved`)
      fs.symlinkSync(`${file}.moved`, file)
    },
    'vanished',
  ],
  [
    'a FIFO without a writer',
    (file) => {
      fs.rmSync(file)
      execFileSync('mkfifo', [file])
    },
    'vanished',
  ],
  [
    'a directory',
    (file) => {
      fs.rmSync(file)
      fs.mkdirSync(file)
    },
    'vanished',
  ],
]

test.each(changes)('a small file that is %s', async (_, change, kind) => {
  const { file, offered } = makeFile()
  change(file)
  const read = await readSmall(file, offered, 'blake3')
  expect(read.kind).toBe(kind)
  if (read.kind === 'content') expect(read.bytes.toString()).toBe('content')
})

test.each(changes)('a large file that is %s before it is opened', async (_, change, kind) => {
  const { file, offered } = makeFile()
  change(file)
  const reading = await openReading(file, offered, 'blake3')
  expect('kind' in reading ? reading.kind : 'content').toBe(kind)
  if (!('kind' in reading)) await reading.close()
})

test('a large file that changes after its last byte was read is not passed off as read', async () => {
  const { file, offered } = makeFile('x'.repeat(300_000))
  const reading = await openReading(file, offered, 'blake3')
  if ('kind' in reading) throw new Error(reading.kind)
  let bytes = 0
  for (let next = await reading.next(); next !== null; next = await reading.next()) bytes += next.length
  expect(bytes).toBe(300_000)
  later(file)
  expect(await reading.finish()).toMatchObject({ kind: 'changed', facts: factsAt(file) })
  await reading.close()
})

test('the mark is set on the very file that was sent, and on no other', async () => {
  const { file, offered } = makeFile()
  fs.chmodSync(file, 0o640)
  expect(await markGroupWrite(file, offered)).toBe('set')
  expect(fs.statSync(file).mode & 0o777).toBe(0o660)
  expect(await markGroupWrite(file, offered)).toBe('set')
  fs.chmodSync(file, 0o640)
  fs.appendFileSync(file, 'more')
  expect(await markGroupWrite(file, offered)).toBe('not-wanted')
  expect(fs.statSync(file).mode & 0o777).toBe(0o640)
  fs.rmSync(file)
  expect(await markGroupWrite(file, offered)).toBe('not-wanted')
})

test.each([
  ['ENOENT', 'vanished'],
  ['ENOTDIR', 'vanished'],
  ['ESPIPE', 'vanished'],
  ['EACCES', 'unreadable'],
  ['EPERM', 'unreadable'],
  ['EIO', 'failed'],
  ['ESTALE', 'failed'],
])('%s while reading means %s', (code, kind) => {
  expect(unsentBecause(Object.assign(new Error('x'), { code })).kind).toBe(kind)
})
