import { existsSync, readdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { takeBackLedgers } from '../../../core/ledger/take-back.ts'
import { file } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const ENDING = '.newer-2026-01-02T03-04-05-678Z'
const content = (fill: number) => Buffer.alloc(32, fill)
const session = (epoch: string, position: number) => ({ epoch, position, last: null, next: 'next' })
const changed = (name: string) => ({ ...file(name), size: 99, mtimeNs: 99n })

const send = (ledger: Ledger, name: string, { digest = content(1), acked = 1, found = file(name) } = {}) => {
  ledger.offer('d', [found])
  const due = ledger.take('d', 's', 10, Date.now(), new Set()).find(({ path: at }) => at === name)
  if (due === undefined) throw new Error(`${name} is not due`)
  const fixity = { sha256: content(7) }
  ledger.markSent([{ ...due, mark: false, digest, fixity, position: acked, seal: content(6) }], Date.now())
  return due
}

/** A ledger of the newer version that was set aside, and the one that the older version has begun. */
function openBoth(fillKept: (ledger: Ledger) => void, fillOwn: (ledger: Ledger) => void) {
  const at = path.join(temporaryDirectory('ledger'), 'ledger.db')
  const kept = openLedger(at)
  fillKept(kept)
  kept.close()
  renameSync(at, at + ENDING)
  const own = openLedger(at)
  onTestFinished(() => own.close())
  fillOwn(own)
  return { at, own }
}

const stateOf = (ledger: Ledger, name: string) => ledger.lookup('d', 's', name)?.state
const names = (at: string) => readdirSync(path.dirname(at)).filter((name) => !/-(wal|shm)$/.test(name))

describe('a ledger that an older version has set aside', () => {
  test('gives its sent files back; what was recorded since stays', async () => {
    const { at, own } = openBoth(
      (kept) => {
        for (const name of ['gone', 'again', 'other', 'lost']) send(kept, name)
      },
      (since) => {
        send(since, 'new')
        send(since, 'lost')
        // The destination lost this one, which is to be sent again.
        since.offer('d', [changed('lost')])
        since.offer('d', [file('again'), changed('other')])
      },
    )
    expect(await takeBackLedgers(at, ['s'], () => true)).toMatchObject([
      { key: 'transfer.ledgerTakenBack', params: { path: at } },
    ])
    const states = ['gone', 'again', 'other', 'lost', 'new'].map((name) => stateOf(own, name))
    expect(states).toEqual(['sent', 'sent', 'waiting', 'waiting', 'sent'])
    const sha256 = content(7)
    expect(own.durableFiles(['d'], 's', '', 10)).toMatchObject([
      { path: 'again', digest: content(1), sha256 },
      { path: 'gone', digest: content(1), sha256 },
      { path: 'new', sha256 },
    ])
    expect(own.totals('d').s).toMatchObject({ sentFiles: 3, waitingFiles: 2 })
    expect(names(at)).toEqual([
      'ledger.db',
      'ledger.db-lock',
      `ledger.db${ENDING.replace('newer', 'taken-back')}`,
    ])
    expect(await takeBackLedgers(at, ['s'], () => true)).toEqual([])
  })

  test('gives a file as the newest of several has sent it', async () => {
    const { at, own } = openBoth(
      (kept) => void send(kept, 'a', { digest: content(1) }),
      () => undefined,
    )
    const newer = openLedger(`${at}.new`)
    send(newer, 'a', { digest: content(2), found: changed('a') })
    newer.close()
    renameSync(`${at}.new`, at + ENDING.replace('2026', '2027'))
    await takeBackLedgers(at, ['s'], () => true)
    expect(own.durableFiles(['d'], 's', '', 10)).toMatchObject([{ path: 'a', digest: content(2) }])
  })

  test('goes on where it was interrupted, and undoes nothing', async () => {
    const { at, own } = openBoth(
      (kept) => void send(kept, 'a'),
      () => undefined,
    )
    let turns = 0
    expect(await takeBackLedgers(at, ['s'], () => ++turns < 2)).toEqual([])
    expect(stateOf(own, 'a')).toBe('sent')
    own.offer('d', [changed('a')])
    await takeBackLedgers(at, ['s'], () => true)
    expect(stateOf(own, 'a')).toBe('waiting')
  })

  test('does not stand for a destination that was replaced, or set back', async () => {
    const fill = (position: number) => (ledger: Ledger) => {
      ledger.rememberSession('d', session('first', position))
      for (const acked of [1, 2, 3]) send(ledger, `at-${acked}`, { acked })
    }
    const back = openBoth(fill(3), (since) => since.rememberSession('d', session('first', 2)))
    await takeBackLedgers(back.at, ['s'], () => true)
    expect(['at-1', 'at-2', 'at-3'].map((name) => stateOf(back.own, name))).toEqual([
      'sent',
      'sent',
      undefined,
    ])
    const replaced = openBoth(fill(3), (since) => since.rememberSession('d', session('second', 9)))
    await takeBackLedgers(replaced.at, ['s'], () => true)
    expect(stateOf(replaced.own, 'at-1')).toBeUndefined()
    // A destination that the older version has not met is judged when it is met.
    const unknown = openBoth(fill(3), () => undefined)
    await takeBackLedgers(unknown.at, ['s'], () => true)
    expect(unknown.own.session('d')).toMatchObject({ epoch: 'first', position: 3 })
    expect(stateOf(unknown.own, 'at-3')).toBe('sent')
  })

  test('gives back nothing of a source that was removed', async () => {
    const { at, own } = openBoth(
      (kept) => void send(kept, 'a'),
      () => undefined,
    )
    await takeBackLedgers(at, ['other'], () => true)
    expect(stateOf(own, 'a')).toBeUndefined()
  })

  test('is reported at each start, and not touched, while this version cannot read it', async () => {
    const { at } = openBoth(
      () => undefined,
      () => undefined,
    )
    const kept = new DatabaseSync(at + ENDING)
    kept.exec('PRAGMA user_version = 99')
    kept.close()
    const reported = [{ key: 'transfer.ledgerNewer', params: { path: at, aside: at + ENDING } }]
    expect(await takeBackLedgers(at, ['s'], () => true)).toMatchObject(reported)
    expect(await takeBackLedgers(at, ['s'], () => true)).toMatchObject(reported)
    expect(existsSync(at + ENDING)).toBe(true)
  })
})
