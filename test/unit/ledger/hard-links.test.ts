import { expect, test } from 'vitest'
import { file, open } from '../../support/store/ledger.ts'

/** Processor time of this process so far, which other load does not lengthen. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

test('hard links: a search for 1,000 among 10,000 names of one inode takes less than 200 ms of processor time', () => {
  const { ledger } = open()
  const names = Array.from({ length: 10_000 }, (_, index) => file(`name-${index}`))
  ledger.offer('d', names)
  const due = ledger.take('d', 's', 1_000, Date.now(), new Set())
  expect(due).toHaveLength(1_000)
  const before = processorMs()
  expect(ledger.sentElsewhere('d', due).size).toBe(0)
  // A walk of all names for each of the thousand took 2 s.
  expect(processorMs() - before).toBeLessThan(200)

  const [first, second] = due
  if (first === undefined || second === undefined) throw new Error('nothing due')
  const digest = Buffer.alloc(32, 5)
  ledger.markSent([{ ...first, mark: false, digest }], 5_000)
  const found = ledger.sentElsewhere('d', due)
  expect(found.size).toBe(999)
  expect(found.get(first.id)).toBeUndefined()
  expect(found.get(second.id)).toMatchObject([{ path: first.path }])
})

test('hard links: 300 lookups by an inode with 20,000 names take less than 400 ms of processor time', () => {
  const { ledger } = open()
  const names = Array.from({ length: 20_000 }, (_, index) => file(`name-${index}`))
  ledger.offer('d', names)
  const [first = expect.fail('nothing waits')] = ledger.take('d', 's', 1, Date.now(), new Set())
  const askAll = (): number => {
    const before = processorMs()
    for (let index = 0; index < 100; index += 1) {
      ledger.sentAs('d', 's', file(''))
      ledger.sentAs('d', 's', file('', { size: 11 }))
      ledger.adoptRenamed('d', 's', file(`new-${index}`))
    }
    return processorMs() - before
  }
  // A walk of all names for each question took 1.4 s.
  expect(askAll()).toBeLessThan(400)
  ledger.markSent([{ ...first, mark: false, digest: Buffer.alloc(32, 5) }], 5_000)
  expect(ledger.sentAs('d', 's', file(''))).toMatchObject({ state: 'sent', size: 10 })
  expect(askAll()).toBeLessThan(400)
  expect(ledger.lookup('d', 's', 'new-99')).toMatchObject({ state: 'sent' })
})
