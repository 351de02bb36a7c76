import { expect, test } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { file, open } from '../../support/store/ledger.ts'

const MS = 1_000_000n

test('oldest waiting file: deferred files count; sent files, other sources and destinations do not', () => {
  const { ledger, take, send } = open()
  const oldest = (sources = ['s', 't']) => ledger.oldestWaiting('d', sources)
  expect(oldest()).toBeNull()
  ledger.offer('d', [
    file('old', { mtimeNs: 1_000n * MS + 7n }),
    file('new', { mtimeNs: 5_000n * MS }),
    file('elsewhere', { source: 't', mtimeNs: 3_000n * MS }),
    file('before 1970', { mtimeNs: -5n }),
    file('beyond 2262', { mtimeNs: 2n ** 63n + 5n }),
  ])
  ledger.offer('e', [file('older', { mtimeNs: 1n * MS })])
  expect([oldest(), oldest(['t']), oldest(['unknown'])]).toEqual([1_000, 3_000, null])
  const old = take().filter(({ path: name }) => name === 'old')
  ledger.retryLater(old, 9e14, message('transfer.unreadable', { path: '/old', reason: 'EACCES' }))
  expect([oldest(), oldest(['t'])]).toEqual([1_000, 3_000])
  send(old)
  expect(oldest()).toBe(3_000)
  send(ledger.take('d', 't', 10, Date.now(), new Set()))
  expect(oldest()).toBe(5_000)
})

test('next due file: it is given for sources of which files wait and none is due now', () => {
  const { ledger, take } = open()
  const now = Date.now()
  const next = () => ledger.nextDue('d', now)
  expect(next()).toEqual({})
  ledger.offer('d', [file('emptied')], now + 10_000)
  ledger.offer('d', [file('later')], now + 20_000)
  ledger.offer('d', [file('there', { source: 't' })])
  ledger.offer('e', [file('elsewhere')])
  expect(next()).toEqual({ s: now + 10_000 })
  ledger.offer('d', [file('another')])
  expect(next()).toEqual({})
  const [another] = take(1, now)
  // Due only because the clock was set back meanwhile.
  ledger.retryLater(another === undefined ? [] : [another], now + 9e9, null)
  expect(next()).toEqual({})
})
