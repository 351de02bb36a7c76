import { expect, test, vi } from 'vitest'
import { createLedgerGuard } from '../../../core/ledger/ledger.ts'

const fail = () => {
  throw new Error('database or disk is full')
}

function setUp() {
  const log = vi.fn()
  return { log, guard: createLedgerGuard('/ledger', { log, onChange: () => undefined }) }
}

test.each([
  ['write', ['read', 'take'], ['write']],
  ['take', ['read'], ['take', 'write']],
] as const)(
  'ledger guard: the problem of a %s stays while only %j succeed, and is logged once',
  (use, less, enough) => {
    for (const end of enough) {
      const { log, guard } = setUp()
      for (let again = 0; again < 3; again += 1) {
        expect(guard[use](fail)).toBeNull()
        for (const one of less) {
          expect(guard[one](() => 'row')).toBe('row')
          expect(guard.problem?.key).toBe('transfer.ledgerFailed')
          expect(guard[one](fail)).toBeNull()
        }
      }
      expect(log.mock.calls).toEqual([['error', '/ledger: database or disk is full']])
      expect(guard[end](() => 'done')).toBe('done')
      expect(guard.problem).toBeNull()
    }
  },
)

test('ledger guard: the problem of a read ends with the next read, and that of a write that is not repeated on demand', () => {
  const { log, guard } = setUp()
  guard.read(fail)
  guard.read(() => 'row')
  expect(guard.problem).toBeNull()
  guard.write(fail)
  guard.forget()
  expect(guard.problem).toBeNull()
  guard.read(fail)
  expect(log).toHaveBeenCalledTimes(3)
})
