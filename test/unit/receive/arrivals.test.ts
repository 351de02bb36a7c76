import { createHash } from 'node:crypto'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Outcome } from '../../../core/receive/file-refused.ts'
import { openAdmission } from '../../../core/receive/limits/admission.ts'
import { DEFAULT_RULES } from '../../../core/receive/limits/rules.ts'
import { createArrivals } from '../../../core/receive/placement/arrivals.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { heldBytes } from '../../support/held-bytes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf } from '../../support/transfer.ts'

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const storeThread = new URL('../../../cli/workers/store-thread.ts', import.meta.url)

/** A store that two connections of one sender send to, the newer one while files of the older one are on their way. */
function open({ thread = null as URL | null } = {}) {
  const root = temporaryDirectory('arrivals')
  const usage = () => ({ files: 0, bytes: 0 })
  const store = openStore(root, {
    thread,
    journal: { record: async () => undefined, announce: async () => undefined },
    admission: openAdmission(root, DEFAULT_RULES, Promise.resolve(), usage),
  })
  onTestFinished(() => store.close())
  const [older, newer] = [store.enter('pc'), store.enter('pc')]
  const arrivals = { older: older.next(), newer: newer.next() }
  const facts = (name: string, bytes: Buffer, arrival: number) => {
    const size = bytes.length
    return { folder: 'pc', source: 'data', path: name, size, mtimeMs: 1, mode: 0o644, arrival }
  }
  const receiveAll = (names: readonly string[], text: string, arrival: number) =>
    Promise.all(
      names.map((name) => {
        const bytes = Buffer.from(text)
        return store.receive(facts(name, bytes, arrival), bytes, digestOf(bytes))
      }),
    )
  const begin = (name: string, text: string, arrival: number) => {
    const bytes = Buffer.from(text)
    const file = store.begin(facts(name, bytes, arrival), '1')
    return { write: () => file.write(bytes), finish: () => file.finish(digestOf(bytes)) }
  }
  const stored = () => treeOf(path.join(root, 'pc', 'data'))
  const versions = () => treeOf(path.join(root, '.holdfast', 'versions'))
  return { older, newer, arrivals, receiveAll, begin, stored, versions }
}

const statuses = (outcomes: readonly Outcome[]) => [...new Set(outcomes.map(({ status }) => status))]

describe('the newer content of a file stays, whichever is durable first', () => {
  test('a large file of a connection that was lost', async () => {
    const { arrivals, receiveAll, begin, stored, versions } = open()
    const late = begin('a', 'older', arrivals.older)
    await late.write()
    expect(statuses(await receiveAll(['a'], 'newer', arrivals.newer))).toEqual(['durable'])
    const before = stored()
    expect((await late.finish()).status).toBe('aborted')
    expect([stored(), versions()]).toEqual([before, {}])
  })

  test.each([
    ['few small files', 3, null],
    ['many small files', 64, storeThread],
  ])('%s', async (_, count, thread) => {
    const { arrivals, receiveAll, stored, versions } = open({ thread })
    const names = Array.from({ length: count }, (_, index) => `d/${index}`)
    expect(statuses(await receiveAll(names, 'newer', arrivals.newer))).toEqual(['durable'])
    const before = stored()
    expect(statuses(await receiveAll(names, 'older', arrivals.older))).toEqual(['aborted'])
    expect([stored(), versions()]).toEqual([before, {}])
  })

  test('also when the newer connection has ended before the older one’s file is through', async () => {
    const { newer, arrivals, receiveAll, begin, stored } = open()
    const late = begin('a', 'older', arrivals.older)
    await late.write()
    await receiveAll(['a'], 'newer', arrivals.newer)
    const before = stored()
    newer.leave()
    expect((await late.finish()).status).toBe('aborted')
    expect(stored()).toEqual(before)
  })

  test('of a connection alone what comes is stored, whatever its number', async () => {
    const { older, arrivals, receiveAll } = open()
    await receiveAll(['a'], 'newer', arrivals.newer)
    older.leave()
    expect(statuses(await receiveAll(['a'], 'other', arrivals.older))).toEqual(['durable'])
  })
})

test('what is remembered of a place does not grow with its name', () => {
  const arrivals = createArrivals()
  const [older, newer] = [arrivals.enter('pc'), arrivals.enter('pc')]
  const arrival = { older: older.next(), newer: newer.next() }
  const placeOf = (index: number) => ['pc', 'data', `${'x'.repeat(250)}/${index}`]
  const before = heldBytes()
  for (let index = 0; index < 60_000; index += 1)
    arrivals.placed({ components: placeOf(index), arrival: arrival.newer })
  expect(heldBytes() - before).toBeLessThan(8 * 1024 * 1024)
  const outdated = (components: string[]) => arrivals.isOutdated({ components, arrival: arrival.older })
  for (const index of [0, 30_000, 59_999]) expect(outdated(placeOf(index))).toBe(true)
  expect(outdated(placeOf(60_000))).toBe(false)
  // Where one part ends and the next one begins tells places apart, too.
  expect(outdated(['pc', 'data', 'x'.repeat(250), '0'])).toBe(true)
  expect(outdated(['pc', 'data', `${'x'.repeat(250)}0`])).toBe(false)
})
