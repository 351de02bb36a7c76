import { expect, test } from 'vitest'
import { file, open } from '../../support/store/ledger.ts'

test('names of an inode: each present file once, with the destination that stored it last', () => {
  const { ledger } = open()
  const files = [file('a'), file('link to a'), file('b', { inode: 8n }), file('gone')]
  const send = (destination: string, names: readonly string[], at: number) => {
    ledger.offer(destination, files)
    const due = ledger.take(destination, 's', 100, Date.now(), new Set())
    const claims = due.filter((one) => names.includes(one.path)).map((claim) => ({ ...claim, mark: false }))
    ledger.markSent(claims, at)
  }
  send('d', ['a', 'gone'], 5_000)
  send('e', ['a', 'gone'], 6_000)
  send('removed', ['a'], 7_000)
  for (const destination of ['d', 'e']) ledger.markGone(destination, 's', ['gone'], 8_000)
  expect(ledger.namesNow(7n, ['d', 'e'])).toEqual([
    { source: 's', path: 'a', destination: 'e', sentAt: 6_000 },
    { source: 's', path: 'link to a', destination: expect.any(String), sentAt: null },
  ])
  expect(ledger.namesNow(9n, ['d', 'e'])).toEqual([])
})
