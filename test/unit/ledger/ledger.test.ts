import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RowPlace } from '../../../core/ledger/ledger.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { file, open } from '../../support/store/ledger.ts'

const totals = (waitingFiles: number, sentFiles: number, parkedFiles: number) => ({
  ...noTotals,
  waitingFiles,
  waitingBytes: waitingFiles * 10,
  sentFiles,
  sentBytes: sentFiles * 10,
  parkedFiles,
})

describe('ledger: offered files', () => {
  test('a new file waits, a repeated one changes nothing, and a new size, time or inode makes it wait again', () => {
    const { ledger, take, send } = open()
    expect(ledger.offer('d', [file('a'), file('b')])).toBe(2)
    expect(ledger.offer('d', [file('a'), file('b')])).toBe(0)
    send(take())
    expect(ledger.lookup('d', 's', 'a')?.state).toBe('sent')
    expect(ledger.offer('d', [file('a', { device: 99n })])).toBe(0)
    for (const change of [{ size: 11 }, { mtimeNs: 1n }, { ctimeNs: 1n }, { inode: 8n }]) {
      expect(ledger.offer('d', [file('a', change)])).toBe(1)
      expect(take()).toMatchObject([{ path: 'a', ...change }])
      send(take())
    }
    expect(ledger.lookup('d', 's', 'b')?.state).toBe('sent')
    expect(ledger.lookup('d', 's', 'c')).toBeNull()
    expect(ledger.lookup('other', 's', 'a')).toBeNull()
  })

  test('exact integers: inodes beyond 2^63, times before 1970 and at nanoseconds come back unchanged', () => {
    const { ledger, take } = open()
    const odd = file('odd', {
      ...{ inode: 2n ** 64n - 1n, size: 2 ** 50 + 1, device: 2n ** 63n },
      ...{ mtimeNs: -1n, ctimeNs: -3n },
    })
    ledger.offer('d', [odd])
    expect(take()[0]).toMatchObject(odd)
    expect(ledger.offer('d', [odd])).toBe(0)
  })

  test('a parked file waits again when it has changed', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a')])
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    ledger.park(due, message('transfer.unreadable', { path: '/a', reason: 'EACCES' }))
    expect(ledger.totals('d')).toEqual({ s: totals(0, 0, 1) })
    expect(ledger.offer('d', [file('a')])).toBe(0)
    expect(ledger.unparkRow('d', due.id)).toBe(true)
    expect(ledger.unparkRow('d', due.id)).toBe(false)
    expect(ledger.totals('d')).toEqual({ s: totals(1, 0, 0) })
    ledger.park(due, message('transfer.unreadable', { path: '/a', reason: 'EACCES' }))
    expect(ledger.offer('d', [file('a', { mtimeNs: 5n })])).toBe(1)
    expect(ledger.totals('d')).toEqual({ s: totals(1, 0, 0) })
  })
})

describe('ledger: generations', () => {
  test('an acknowledgement of an older generation leaves the file waiting', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('a')])
    const old = take()
    ledger.offer('d', [file('a', { size: 12 })])
    expect(send(old).size).toBe(0)
    expect(ledger.lookup('d', 's', 'a')).toMatchObject({ state: 'waiting', size: 12 })
    expect(send(take()).size).toBe(1)
  })

  test('a park, retry, drop, renew or mark of an older generation has no effect', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('a')])
    const [old] = take()
    if (old === undefined) throw new Error('nothing due')
    ledger.offer('d', [file('a', { size: 12 })])
    ledger.park(old, message('problem.other', { reason: 'x' }))
    ledger.drop(old)
    ledger.retryLater([old], 99_999, null)
    ledger.renew(old, { size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n }, 99_999)
    expect(take()).toMatchObject([{ size: 12, attempts: 0 }])
    send(take(), true)
    ledger.marksDone([{ ...old, ctimeNs: null }])
    expect(ledger.dueMarks('d', 's', 10)).toHaveLength(1)
    ledger.marksDone(ledger.dueMarks('d', 's', 10))
    expect(ledger.dueMarks('d', 's', 10)).toHaveLength(0)
  })

  test('a file that changes after it was sent is no longer due for a mark', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('a')])
    send(take(), true)
    ledger.offer('d', [file('a', { size: 12 })])
    expect(ledger.dueMarks('d', 's', 10)).toEqual([])
  })
})

describe('ledger: take', () => {
  test('files of one source are taken oldest first, except those in transfer', () => {
    const { ledger, take } = open()
    ledger.offer('d', [
      file('young', { mtimeNs: 3_000_000n }),
      file('old', { mtimeNs: 1_000_000n }),
      file('mid', { mtimeNs: 2_000_000n }),
    ])
    expect(take().map(({ path: name }) => name)).toEqual(['old', 'mid', 'young'])
    const under = new Set(take(1).map(({ id }) => id))
    expect(take(100, Date.now(), under).map(({ path: name }) => name)).toEqual(['mid', 'young'])
    ledger.offer('d', [file('x', { source: 't', mtimeNs: 9n }), file('y', { source: 't', mtimeNs: 9n })])
    const named = (source: string) =>
      ledger.take('d', source, 4, Date.now(), new Set()).map(({ path: name }) => name)
    expect([named('t'), named('unknown')]).toEqual([['x', 'y'], []])
  })

  test('a deferred file is taken at its time, not before', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a'), file('b')])
    const [first] = take(1)
    if (first === undefined) throw new Error('nothing due')
    const at = Date.now() + 2_000
    ledger.retryLater([first], at, message('transfer.digestMismatch', { path: '/a' }))
    expect(take(100, at - 1)).toHaveLength(1)
    expect(take(100, at)).toMatchObject([{ attempts: 0 }, { attempts: 1 }])
    expect(ledger.totals('d')).toEqual({ s: totals(2, 0, 0) })
  })

  test('a file that was deferred under a clock set ahead is due when the clock is corrected', () => {
    const { ledger, take } = open()
    const future = Date.now() + 8 * 3_600_000
    ledger.offer('d', [file('a'), file('b')])
    ledger.retryLater(take(1), future + 60_000, null)
    expect(take(100, future)).toHaveLength(1)
    expect(take()).toHaveLength(2)
  })

  test('a dropped file is removed, and a renewed one waits with its new metadata', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a'), file('b')])
    const [a, b] = take()
    if (a === undefined || b === undefined) throw new Error('nothing due')
    ledger.drop(a)
    const at = Date.now() + 3_000
    ledger.renew(b, { size: 77, mtimeNs: 4n, ctimeNs: 8n, inode: 5n, device: 6n }, at)
    expect(take(100, at - 1)).toEqual([])
    expect(take(100, at)).toMatchObject([{ path: 'b', size: 77, mtimeNs: 4n, ctimeNs: 8n, attempts: 1 }])
    expect(ledger.totals('d').s).toMatchObject({ waitingFiles: 1, waitingBytes: 77 })
  })
})

describe('ledger: queries', () => {
  test('a changed file that is dropped stays known as sent, with other content than before', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('a')])
    send(take())
    const changed = file('a', { mtimeNs: 77n, size: 12 })
    ledger.offer('d', [changed])
    expect(ledger.sentAs('d', 's', changed)).toMatchObject({ size: -1 })
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    ledger.drop(due)
    expect(ledger.totals('d').s).toMatchObject({ waitingFiles: 0, sentFiles: 0 })
    for (const one of [changed, file('a')]) {
      expect(ledger.sentAs('d', 's', one)).not.toMatchObject({ size: one.size, mtimeNs: one.mtimeNs })
      expect(ledger.offer('d', [one])).toBe(1)
    }
    ledger.offer('d', [file('never', { inode: 99n })])
    expect(ledger.sentAs('d', 's', file('never', { inode: 99n }))).toBeNull()
  })

  test('a sent file whose newer content was dropped or withdrawn is listed without size and time', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('dropped'), file('left out')])
    send(take())
    ledger.offer('d', [file('dropped', { size: 5_000 }), file('left out', { size: 6_000 })])
    ledger.withdraw('d', 's', ['left out'])
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    ledger.drop(due)
    expect(ledger.totals('d').s).toMatchObject({ sentFiles: 0, sentBytes: 0 })
    const { files } = ledger.files(['d'], { source: null, state: 'sent', before: null, limit: 10 })
    expect(files.map(({ size, modifiedAt, sentAt }) => [size, modifiedAt, sentAt])).toEqual([
      [0, null, 5_000],
      [0, null, 5_000],
    ])
  })

  test('unsent files are counted below a directory only, without siblings that share its prefix', () => {
    const { ledger, take, send } = open()
    ledger.offer('d', [file('DC1/a'), file('DC1/b/c'), file('DC10/a'), file('DC1-x'), file('DC1')])
    expect(ledger.unsentBelow('d', 's', 'DC1')).toEqual({ waiting: 2, parked: 0 })
    expect(ledger.unsentBelow('d', 's', '')).toEqual({ waiting: 5, parked: 0 })
    const [one] = take().filter(({ path: name }) => name === 'DC1/a')
    if (one === undefined) throw new Error('nothing due')
    ledger.park(one, message('problem.other', { reason: 'x' }))
    expect(ledger.unsentBelow('d', 's', 'DC1')).toEqual({ waiting: 1, parked: 1 })
    send(take())
    expect(ledger.unsentBelow('d', 's', 'DC1')).toEqual({ waiting: 0, parked: 1 })
    expect(ledger.unsentBelow('d', 'unknown', 'DC1')).toEqual({ waiting: 0, parked: 0 })
    expect(ledger.unpark('d', null, 10)).toBe(1)
    expect(ledger.unsentBelow('d', 's', 'DC1')).toEqual({ waiting: 1, parked: 0 })
  })

  test('pages of files are newest first, over sources and states, without gaps or repeats', () => {
    const { ledger, send } = open()
    for (let index = 0; index < 25; index += 1)
      ledger.offer('d', [file(`f${index}`, { source: index % 2 === 0 ? 's' : 't' })])
    for (const source of ['s', 't']) send(ledger.take('d', source, 5, Date.now(), new Set()))
    const seen: number[] = []
    let before: RowPlace | null = null
    do {
      const page: ReturnType<typeof ledger.files> = ledger.files(['d'], {
        source: null,
        state: null,
        before,
        limit: 4,
      })
      seen.push(...page.files.map(({ id }) => id))
      before = page.older
    } while (before !== null)
    expect(seen).toHaveLength(25)
    // The ten sent files are the oldest here, as they were "sent" in 1970.
    const newestFirst = (ids: readonly number[]) => [...ids].sort((a, b) => b - a)
    expect(seen).toEqual([...newestFirst(seen.slice(0, 15)), ...newestFirst(seen.slice(15))])
    expect(new Set(seen).size).toBe(25)
    const sent = ledger.files(['d'], { source: 's', state: 'sent', before: null, limit: 200 })
    expect(
      sent.files.every(({ source, state, sentAt }) => source === 's' && state === 'sent' && sentAt === 5_000),
    ).toBe(true)
    expect(sent.files[0]?.modifiedAt).toBe(1_700_000_000_123)
  })
})

describe('ledger: destinations and sources', () => {
  test('the newest file of each source is that which came last, whenever it is sent, and to whichever destination', () => {
    const { ledger, send, take } = open()
    expect(ledger.newestFiles('d')).toEqual({})
    const at = (ms: number) => ({ ctimeNs: BigInt(ms) * 1_000_000n })
    ledger.offer('d', [file('b', at(6_000)), file('a', at(5_000))])
    const newest = { s: { path: 'b', at: 6_000 } }
    expect(ledger.newestFiles('d')).toEqual(newest)
    expect(ledger.newestFiles('other')).toEqual({})
    send(take())
    // A destination that is added, damage that is healed, changed permissions, and older files that were moved in.
    ledger.offer('other', [file('b', at(6_000)), file('a', at(5_000))])
    ledger.offerAgain('d', [['s', 'a']])
    ledger.offer('d', [file('a', at(9_000)), file('b', at(9_000)), file('moved in', at(4_000))])
    send(take())
    expect([ledger.newestFiles('d'), ledger.newestFiles('other')]).toEqual([newest, newest])
    ledger.offer('d', [file('a', { ...at(10_000), size: 11 }), file('b', at(11_000))])
    expect(ledger.newestFiles('other')).toEqual({ s: { path: 'a', at: 10_000 } })
  })

  test('the newest file of a clock that was ahead came when it was found, and the next one is newer', () => {
    vi.useFakeTimers({ now: 20_000, toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { ledger } = open()
    ledger.offer('d', [file('ahead', { ctimeNs: 10n ** 18n })])
    expect(ledger.newestFiles('d')).toEqual({ s: { path: 'ahead', at: 20_000 } })
    // This computer's clock was ahead, too.
    vi.setSystemTime(10_000)
    ledger.offer('d', [file('next', { ctimeNs: 9_000_000_000n })])
    expect(ledger.newestFiles('d')).toEqual({ s: { path: 'next', at: 9_000 } })
  })

  test('files of one destination are offered to another in chunks, except those that it has already', () => {
    const { ledger, take, send } = open()
    ledger.offer(
      'd',
      Array.from({ length: 25 }, (_, index) => file(`f${index}`)),
    )
    send(take(10))
    ledger.offer('e', [file('f0')])
    send(ledger.take('e', 's', 1, Date.now(), new Set()))
    let chunks = 0
    for (let after: string | null = ''; after !== null; chunks += 1)
      after = ledger.requeue('d', 'e', 's', after, 10)
    expect(chunks).toBe(3)
    expect(ledger.totals('e')).toEqual({ s: totals(24, 1, 0) })
    expect(ledger.totals('d')).toEqual({ s: totals(15, 10, 0) })
    expect(ledger.destinations().sort()).toEqual(['d', 'e'])
    expect(ledger.filled('s')).toEqual([])
    ledger.rememberFilled('s', 'e', ['d'])
    ledger.rememberFilled('s', 'd', ['e'])
    expect(ledger.filled('s')).toEqual(['d', 'e'])
    ledger.rememberFilled('s', 'e', [])
    expect(ledger.filled('s')).toEqual(['e'])
  })

  test('a forgotten source is removed completely, in bounded steps', () => {
    const { ledger } = open()
    ledger.offer(
      'd',
      Array.from({ length: 25 }, (_, index) => file(`f${index}`)),
    )
    ledger.offer('d', [file('other', { source: 't' })])
    const steps: number[] = []
    do steps.push(ledger.forgetSource('s', 10))
    while (steps.at(-1) !== 0)
    expect(steps).toEqual([10, 10, 5, 0])
    expect(ledger.totals('d')).toEqual({ t: totals(1, 0, 0) })
  })

  test('a forgotten source leaves no value behind, and the others keep theirs', () => {
    const { ledger } = open()
    const mounts = [{ path: 'inner', point: '/data/inner' }]
    const held = { since: 5, lost: 1, changed: 2, known: 3 }
    for (const source of ['s', 't']) {
      ledger.offer('d', [file('f', { source })])
      ledger.rememberHome(source, '/data')
      ledger.rememberMountsInside(source, mounts)
      ledger.rememberInnerMounts(source, mounts)
      ledger.rememberSaid(source, [])
      ledger.rememberAdopted(source, 7n)
      ledger.rememberNotClosedSaid(source, 'batch')
      ledger.rememberFilled(source, 'd', [])
      ledger.rememberSwept(source)
      ledger.hold(source, held)
    }
    const read = (source: string) => [
      ...[ledger.home(source), ledger.mountsInside(source), ledger.innerMounts(source)],
      ...[ledger.adoptedNs(source), ledger.notClosedSaid(source), ledger.filled(source)],
      ...[ledger.isSwept(source), ledger.held(source)],
    ]
    const kept = read('t')
    expect(kept).toEqual(['/data', mounts, mounts, 7n, 'batch', ['d'], true, held])
    ledger.forgetSource('s', 10)
    expect(read('s')).toEqual([null, [], [], null, null, [], false, null])
    expect(read('t')).toEqual(kept)
  })
})
