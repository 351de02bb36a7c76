import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { readEvents } from '../../../core/ledger/events.ts'
import type { DamagedFile } from '../../../core/ledger/ledger.ts'
import { EVENT } from '../../../core/ledger/ledger-messages.ts'
import { file, open } from '../../support/store/ledger.ts'

const SENT_AT = 2_000_000_000_000
const DIGEST = '07'.repeat(32)

const damaged = (at: number): DamagedFile => ({
  ...{ source: 's', path: 'a', finding: 'damaged', at, size: 10, digest: DIGEST },
})

/** A ledger with a file that was sent to "d". */
function openWithSent() {
  const { directory, ledger } = open()
  const database = new DatabaseSync(path.join(directory, 'ledger.db'))
  onTestFinished(() => database.close())
  const send = (at: number) => {
    const [due] = ledger.take('d', 's', 1, at, new Set())
    if (due === undefined) throw new Error('nothing due')
    ledger.markSent([{ ...due, mark: false, digest: Buffer.from(DIGEST, 'hex') }], at)
  }
  ledger.offer('d', [file('a')])
  send(SENT_AT)
  return {
    ...{ ledger, send },
    getHealed: () => ledger.proofsSince('d', 'heal', 0)?.files ?? 0,
    getDurable: () =>
      readEvents(database, 0, 100)
        .filter(({ type }) => type === EVENT.durable)
        .map(({ detail, size, digest }) => [detail, size, Buffer.from(digest ?? []).toString('hex')]),
  }
}

test('damage: a repair that two checks see counts once, and is one event', () => {
  const { ledger, getHealed, getDurable } = openWithSent()
  ledger.markGone('d', 's', ['a'], SENT_AT)
  expect(ledger.offerDamaged('d', damaged(SENT_AT + 1))).toBe(true)
  expect(ledger.offerDamaged('d', damaged(SENT_AT + 2))).toBe(false)
  ledger.markHealed('d', [{ ...damaged(SENT_AT + 2), position: 0, seal: null }])
  expect(ledger.endDamaged('d', [damaged(SENT_AT + 3)])).toEqual([])
  expect(getHealed()).toBe(1)
  expect(getDurable()).toEqual([
    [null, 10, DIGEST],
    ['healed', 10, DIGEST],
  ])
})

test('damage: a file that was sent again has the event of any sent file, and counts as healed', () => {
  const { ledger, send, getHealed, getDurable } = openWithSent()
  ledger.offerDamaged('d', damaged(SENT_AT + 1))
  send(SENT_AT + 2)
  expect(ledger.endDamaged('d', [damaged(SENT_AT + 3)])).toHaveLength(1)
  expect(getHealed()).toBe(1)
  expect(getDurable().map(([detail]) => detail)).toEqual([null, null])
})

test('damage: a file that is damaged again after it was sent again is another damage, and the first one is healed', () => {
  const { ledger, send, getHealed } = openWithSent()
  ledger.offerDamaged('d', damaged(SENT_AT + 1))
  send(SENT_AT + 2)
  expect(ledger.offerDamaged('d', damaged(SENT_AT + 3))).toBe(true)
  expect([getHealed(), ledger.countDamaged('d').files]).toEqual([1, 1])
})

test('damage: a check that began before the finding does not end it', () => {
  const { ledger, getHealed } = openWithSent()
  ledger.offerDamaged('d', damaged(SENT_AT + 2))
  expect(ledger.endDamaged('d', [damaged(SENT_AT + 1)])).toEqual([])
  expect([getHealed(), ledger.countDamaged('d').files]).toEqual([0, 1])
})
