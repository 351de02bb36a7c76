import { describe, expect, test } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { file, open } from '../../support/store/ledger.ts'

describe('excluded files', () => {
  test('withdrawn files leave the queue, sent ones stay known, and a change waits again when offered', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('sent'), file('changed'), file('waits'), file('parked')])
    const [first, second] = take()
    if (first === undefined || second === undefined) throw new Error('nothing due')
    send([first, second])
    ledger.offer('d', [file('changed', { size: 11 })])
    const parked = take().find(({ path }) => path === 'parked')
    if (parked === undefined) throw new Error('not due')
    ledger.park(parked, message('problem.other', { reason: 'x' }))
    expect(ledger.unsentPage('d', 's', '', 2).map(({ path }) => path)).toEqual(['changed', 'parked'])
    expect(ledger.unsentPage('d', 's', 'parked', 2)).toEqual([{ path: 'waits', size: 10 }])
    const [old] = take()
    if (old === undefined) throw new Error('nothing due')
    expect(ledger.withdraw('d', 's', ['sent', 'changed', 'waits', 'parked', 'unknown'])).toBe(3)
    expect(take()).toEqual([])
    expect(send([old]).size).toBe(0)
    expect(ledger.unsentBelow('d', 's', '')).toEqual({ waiting: 0, parked: 0 })
    expect(ledger.lookup('d', 's', 'sent')).toMatchObject({ state: 'sent', inode: 7n })
    expect(ledger.lookup('d', 's', 'waits')).toBeNull()
    // The filter is taken back: the change that was never sent is due.
    expect(ledger.lookup('d', 's', 'changed')?.state).toBe('sent')
    expect(ledger.offer('d', [file('changed', { size: 11 }), file('sent')])).toBe(1)
    expect(take().map(({ path }) => path)).toEqual(['changed'])
  })
})
