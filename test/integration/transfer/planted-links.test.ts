import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import type { StoreResult } from '../../../core/store/outcome.ts'
import { startExchanging } from '../../support/faults/exchange.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { begin, openAt, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const turns = createSemaphore(8)
const FILES = 2_000
const LARGE = 8 * 1024 * 1024

const createContent = (round: number, index: number) => Buffer.alloc(300, `round ${round}, file ${index};`)

/** A store of which one directory can be exchanged for a link that leads out of it. */
async function setUp() {
  const base = temporaryDirectory('planted')
  const root = path.join(base, 'store')
  const outside = path.join(base, 'outside')
  const shared = path.join(root, 'pc', 'data', 'shared')
  const link = path.join(base, 'link')
  fs.mkdirSync(shared, { recursive: true })
  fs.mkdirSync(outside)
  fs.symlinkSync(outside, link)
  const there = await openAt(root)
  const { store, source } = there
  return {
    ...{ outside, shared, link },
    send: (name: string, bytes: Buffer) => store.receive(smallFile(source, name, bytes)),
    async sendLarge(name: string, bytes: Buffer): Promise<StoreResult> {
      const file = begin(store, source, name, bytes.length)
      for (let at = 0; at < bytes.length; at += 1024 * 1024)
        await file.write(bytes.subarray(at, at + 1024 * 1024))
      return file.finish(computeDigest(bytes))
    },
    async copy(name: string, from: string, bytes: Buffer): Promise<StoreResult> {
      const what = { from: { source, path: from }, digest: computeDigest(bytes), isMoved: false }
      const file = offeredAs(source, name, bytes.length)
      return store.copy(file, what, new AbortController().signal, turns)
    },
  }
}

/** What may be said of a file whose directory is a link at that moment: it is refused, or tried again. */
const isExpectedResult = ({ status, detail }: StoreResult) =>
  (status === 'name' && detail === 'symlink') ||
  (status === 'failed' && detail !== '') ||
  status === 'unknown'

describe.skipIf(process.platform !== 'linux')(
  'directory that is exchanged for a symbolic link (Linux: /proc/self/fd)',
  () => {
    for (const { how, together } of [
      { how: 'many at a time', together: FILES },
      { how: 'a few at a time', together: 12 },
    ]) {
      test(`${FILES} files, ${how}, and a large one are never written through the link`, async () => {
        const { outside, shared, link, send, sendLarge, copy } = await setUp()
        const large = Buffer.alloc(LARGE, 'large content ')
        fs.writeFileSync(path.join(shared, 'old'), 'old content')
        const exchanging = await startExchanging(shared, link)
        const outcomes = new Map<string, [outcome: StoreResult, content: Buffer]>()
        const take = async (name: string, content: Buffer, answer: Promise<StoreResult>) => {
          outcomes.set(name, [await answer, content])
        }
        for (let round = 0; round < 3; round += 1) {
          const largeOne = take('shared/large', large, sendLarge('shared/large', large))
          for (let from = 0; from < FILES; from += together) {
            const names = Array.from({ length: Math.min(together, FILES - from) }, (_, index) => from + index)
            await Promise.all(
              names.map((index) => {
                // Half of them replace what the round before has left.
                const name = `shared/${index % 2 === 0 ? '' : `round-${round}/`}${index}`
                const content = createContent(round, index)
                return take(name, content, send(name, content))
              }),
            )
          }
          const old = Buffer.from('old content')
          await take('shared/copy', old, copy('shared/copy', 'shared/old', old))
          await largeOne
          expect(fs.readdirSync(outside)).toEqual([])
        }
        expect(await exchanging.stop()).toBeGreaterThan(1_000)
        expect(fs.readdirSync(outside)).toEqual([])
        const stored = [...outcomes].filter(([, [{ status }]]) => status === 'durable' || status === 'same')
        const others = [...outcomes].filter(([, [{ status }]]) => status !== 'durable' && status !== 'same')
        console.log(`${how}: ${stored.length} stored, ${others.length} refused`)
        expect(others.filter(([, [outcome]]) => !isExpectedResult(outcome))).toEqual([])
        expect(stored.length).toBeGreaterThan(0)
        const wrong = stored.filter(([name, [, content]]) => {
          const file = path.join(shared, '..', name)
          return !fs.existsSync(file) || !fs.readFileSync(file).equals(content)
        })
        expect(wrong.map(([name]) => name)).toEqual([])
      })
    }
  },
)
