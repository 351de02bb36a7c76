import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { DigestKind } from '../../../core/files/digest.ts'
import { digestOf } from '../../../core/files/digest.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { factsOf } from '../../support/file-facts.ts'
import { openAt } from '../../support/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const never = new AbortController().signal
const large = Buffer.alloc(5_000_000, 'some content ')

function open() {
  const root = temporaryDirectory('digests')
  const store = openStore(root)
  onTestFinished(() => store.close())
  return {
    root,
    small: (kind: DigestKind, bytes: Buffer, digest = digestOf(kind, bytes)) =>
      store.receive(factsOf('small', bytes.length), bytes, digest),
    async large(kind: DigestKind, bytes = large) {
      const file = store.begin({ ...factsOf('large', large.length), hash: kind })
      await file.write(bytes)
      return file.finish(digestOf(kind, large))
    },
    /** Half of it, and then the rest over another connection. */
    async inTwo(first: DigestKind, second: DigestKind) {
      const half = large.length / 2
      const facts = factsOf('resumed', large.length)
      const begun = store.begin({ ...facts, hash: first }, 'inode')
      await begun.write(large.subarray(0, half))
      await begun.abort(true)
      const file = store.begin({ ...facts, hash: second }, 'inode')
      const offset = await file.offset
      await file.write(large.subarray(half))
      return { offset, outcome: await file.finish(digestOf(second, large)) }
    },
    copy: (kind: DigestKind, to: string) =>
      store.copy(
        factsOf(to, large.length),
        { source: 'data', path: 'large' },
        digestOf(kind, large),
        never,
        undefined,
      ),
  }
}

const both = ['sha256', 'blake3'] as const
const pairs = both.flatMap((first) => both.map((second) => [first, second] as const))
const durable = { status: 'durable', detail: '' }
const same = { status: 'same', detail: '' }

describe.each(both)('contents with digests by %s', (kind) => {
  test('are stored if they are what was announced, and only then', async () => {
    const { root, small, large: receive } = open()
    expect(await small(kind, Buffer.from('text'))).toEqual(durable)
    expect(await receive(kind)).toEqual(durable)
    const other = Buffer.from(large)
    other[4_999_999] = 0
    expect((await receive(kind, other)).status).toBe('digest')
    expect((await small(kind, Buffer.from('else'), digestOf(kind, Buffer.from('text')))).status).toBe(
      'digest',
    )
    expect(fs.readFileSync(path.join(root, 'pc/data/small'), 'utf8')).toBe('text')
    expect(fs.readFileSync(path.join(root, 'pc/data/large')).equals(large)).toBe(true)
  })
})

describe.each(pairs)('what came with %s', (first, second) => {
  test(`is the same with ${second}, and can be copied by it`, async () => {
    const { small, large: receive, copy } = open()
    await small(first, Buffer.from('text'))
    await receive(first)
    expect(await small(second, Buffer.from('text'))).toEqual(same)
    expect(await receive(second)).toEqual(same)
    expect(await copy(second, 'copied')).toEqual(durable)
    expect(await copy(second, 'large')).toEqual(same)
  })

  test(`is gone on with by ${second}`, async () => {
    const { inTwo } = open()
    expect(await inTwo(first, second)).toEqual({ offset: large.length / 2, outcome: durable })
  })
})

test('many small files with digests of both kinds go through the threads of the store together', async () => {
  const root = temporaryDirectory('digests')
  const store = openAt(root, {}, new URL('../../../cli/workers/store-thread.ts', import.meta.url))
  const names = Array.from({ length: 64 }, (_, index) => `${index}`)
  const wrong = new Set(['7', '32'])
  const outcomes = await Promise.all(
    names.map((name, index) => {
      const bytes = Buffer.from(`content of ${name}`)
      const announced = wrong.has(name) ? Buffer.from('another content') : bytes
      const digest = digestOf(both[index % 2] ?? 'sha256', announced)
      return store.receive(factsOf(name, bytes.length), bytes, digest)
    }),
  )
  expect(outcomes.map(({ status }) => status)).toEqual(
    names.map((name) => (wrong.has(name) ? 'digest' : 'durable')),
  )
})
