import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FoundDirectory } from '../../../core/backends/destination.ts'
import { type FileStat, toFileStat } from '../../../core/platform/file-metadata.ts'
import { markGroupWrite } from '../../../core/send/marks/marks.ts'
import { directoriesAbove, openReading } from '../../../core/send/reading/read.ts'
import type { FileRead, Unsent } from '../../../core/send/reading/read-result.ts'
import { unsentBecause } from '../../../core/send/reading/read-result.ts'
import { toTransferResult } from '../../../core/send/transfer/attempt.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const factsAt = (file: string) => toFileStat(fs.lstatSync(file, { bigint: true }))

const SECOND = 1_600_000_000

function makeFile(content = 'content') {
  const file = path.join(temporaryDirectory('read'), 'file')
  fs.writeFileSync(file, content)
  fs.utimesSync(file, SECOND, SECOND)
  return { file, offered: factsAt(file) }
}

const at = (file: string) => ({ root: path.dirname(file), path: path.basename(file) })

const later = (file: string) => fs.utimesSync(file, 2_000_000_000, 2_000_000_000)

const changes: [string, (file: string) => void, string][] = [
  ['as offered', () => undefined, 'content'],
  ['grown', (file) => fs.appendFileSync(file, '!'), 'changed'],
  ['truncated', (file) => fs.truncateSync(file, 1), 'changed'],
  ['of the same size but written again', later, 'changed'],
  [
    'written again, with its time put back',
    (file) => {
      fs.writeFileSync(file, 'another')
      fs.utimesSync(file, SECOND, SECOND)
    },
    'changed',
  ],
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

/** The result of a read, as the queue gets it. */
const toKind = (found: object): string => {
  if (!('kind' in found) || found.kind === 'content') return 'content'
  const result = toTransferResult(found as Unsent, { path: '/s' }, 'x')
  return result.kind === 'retry' ? result.cause : result.kind
}

/** What a thread finds of a file that is read together with others. */
function readInThread(root: string, name: string, offered: FileStat) {
  const readers = openTestReaders()
  const files = Array.from({ length: 8 }, () => ({ path: name, offered }))
  return new Promise<[FileRead[], readonly FoundDirectory[]]>((resolve) =>
    readers.read('s', {
      root,
      files,
      fixity: [],
      take: (found, directories) => resolve([[...found], directories]),
    }),
  )
}

test.each(changes)('small file read: a file that is %s gives the result "$2"', async (_, change, kind) => {
  const { file, offered } = makeFile()
  change(file)
  const [found] = await readInThread(path.dirname(file), path.basename(file), offered)
  expect(found.map(toKind)).toEqual(Array(8).fill(kind))
  for (const content of found)
    if (content.kind === 'content') expect(content.bytes.toString()).toBe('content')
})

describe('file in nested directories', () => {
  const nested = () => {
    const root = temporaryDirectory('read')
    const file = path.join(root, 'a', 'b', 'file')
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.chmodSync(path.join(root, 'a'), 0o750)
    fs.writeFileSync(file, 'content')
    return { root, offered: factsAt(file) }
  }
  const told = (directories: readonly FoundDirectory[]) =>
    directories.map((one) => [one.path, one.facts.mode & 0o777]).sort()

  test('a read returns the metadata of each parent directory, including the source root', async () => {
    const { root, offered } = nested()
    const readMode = (name: string) => fs.statSync(path.join(root, name)).mode & 0o777
    const expected = [
      ['', readMode('')],
      ['a', 0o750],
      ['a/b', readMode('a/b')],
    ]
    const [, directories] = await readInThread(root, 'a/b/file', offered)
    expect(told(directories)).toEqual(expected)
    expect(told(await directoriesAbove({ root, path: 'a/b/file' }))).toEqual(expected)
  })

  test('a file behind a symbolic link in place of a parent directory is neither read nor marked', async () => {
    const { root, offered } = nested()
    fs.renameSync(path.join(root, 'a'), path.join(root, 'elsewhere'))
    fs.symlinkSync('elsewhere', path.join(root, 'a'))
    const file = { root, path: 'a/b/file' }
    expect(toKind(await openReading(file, offered))).toBe('vanished')
    expect(await markGroupWrite(file, offered)).toEqual({ kind: 'not-wanted' })
    const [found, directories] = await readInThread(root, 'a/b/file', offered)
    expect(found.map(toKind)).toEqual(Array(8).fill('vanished'))
    expect(directories.map((one) => one.path)).toEqual([''])
  })
})

test.each(changes)(
  'large file read: a file that is %s before it is opened gives the result "$2"',
  async (_, change, kind) => {
    const { file, offered } = makeFile()
    change(file)
    const reading = await openReading(at(file), offered)
    expect(toKind(reading)).toBe(kind)
    if (!('kind' in reading)) await reading.close()
  },
)

test('large file read: a file that changes after its last byte was read is reported as changed', async () => {
  const { file, offered } = makeFile('x'.repeat(300_000))
  const reading = await openReading(at(file), offered)
  if ('kind' in reading) throw new Error(reading.kind)
  let bytes = 0
  for (let next = await reading.next(); next !== null; next = await reading.next()) bytes += next.length
  expect(bytes).toBe(300_000)
  later(file)
  expect(await reading.finish()).toMatchObject({ kind: 'changed', stat: factsAt(file) })
  await reading.close()
})

test('group-write mark: the mark is set only on the same file that was sent, unchanged', async () => {
  const { file } = makeFile()
  fs.chmodSync(file, 0o640)
  const sent = factsAt(file)
  expect(await markGroupWrite(at(file), sent)).toEqual({ kind: 'set', ctimeNs: factsAt(file).ctimeNs })
  expect(fs.statSync(file).mode & 0o777).toBe(0o660)
  expect(factsAt(file).ctimeNs).not.toBe(sent.ctimeNs)
  const marked = factsAt(file)
  expect(await markGroupWrite(at(file), marked)).toEqual({ kind: 'set', ctimeNs: marked.ctimeNs })
  // Its content may be another one.
  fs.chmodSync(file, 0o640)
  expect(await markGroupWrite(at(file), marked)).toEqual({ kind: 'changed', stat: factsAt(file) })
  fs.appendFileSync(file, 'more')
  expect(await markGroupWrite(at(file), marked)).toEqual({ kind: 'not-wanted' })
  expect(fs.statSync(file).mode & 0o777).toBe(0o640)
  fs.rmSync(file)
  expect(await markGroupWrite(at(file), marked)).toEqual({ kind: 'not-wanted' })
})

test.each([
  ['ENOENT', 'vanished'],
  ['ENOTDIR', 'vanished'],
  ['ESPIPE', 'vanished'],
  ['EACCES', 'rejected'],
  ['EPERM', 'rejected'],
  ['EBUSY', 'rejected'],
  ['EIO', 'reading'],
  ['ESTALE', 'reading'],
])('read error: %s while reading gives the result "%s"', (code, kind) => {
  expect(toKind(unsentBecause(Object.assign(new Error('x'), { code })))).toBe(kind)
})
