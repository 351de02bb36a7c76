import { describe, expect, test } from 'vitest'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { elsewhere, file, open } from '../../support/store/ledger.ts'

describe('content at a destination', () => {
  const digest = Buffer.alloc(32, 5)
  const sendWith = (ledger: Ledger, source = 's') =>
    ledger.markSent(
      ledger
        .take('d', source, 100, Date.now(), new Set())
        .map((claim) => ({ ...claim, mark: false, digest })),
      5_000,
    )

  test('a new name of a sent file is recognised by inode, size and time, even in another source', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('old', { source: 'other' })])
    sendWith(ledger, 'other')
    ledger.offer('d', [
      file('new'),
      file('b', { inode: 8n }),
      file('c', { size: 9 }),
      file('e', { mtimeNs: 5n }),
    ])
    const found = take().map((due) => [due.path, elsewhere(ledger, 'd', due)?.path ?? null])
    expect(Object.fromEntries(found)).toEqual({ new: 'old', b: null, c: null, e: null })
    const [due] = take().filter(({ path: name }) => name === 'new')
    if (due === undefined) throw new Error('nothing due')
    expect(elsewhere(ledger, 'd', due)).toMatchObject({
      source: 'other',
      path: 'old',
      digest: new Uint8Array(digest),
    })
    expect(elsewhere(ledger, 'elsewhere', due)).toBeNull()
    expect(elsewhere(ledger, 'd', { ...due, id: 0, inode: 0n })).toBeNull()
    // The device's number changes when a disk is mounted again; the content is compared anyway.
    expect(elsewhere(ledger, 'd', { ...due, device: 99n })).not.toBeNull()
  })

  test('a file that waits, was never sent or was sent with other content is no source for a copy', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a')])
    sendWith(ledger)
    ledger.offer('d', [file('b')])
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    expect(elsewhere(ledger, 'd', { ...due, id: due.id - 1 })).toBeNull()
    ledger.offer('d', [file('a', { size: 5 })])
    expect(elsewhere(ledger, 'd', due)).toBeNull()
    // Back to what it was: what the destination has under this name is not known any more.
    ledger.offer('d', [file('a')])
    expect(elsewhere(ledger, 'd', due)).toBeNull()
  })

  test('a reused inode returns the entry that was sent with the same size and time, if there is one', () => {
    const { ledger, take } = open()
    const given = [1, 2, 3, 4].map((size) => file(`f${size}`, { size, mtimeNs: BigInt(size) }))
    ledger.offer('d', given)
    sendWith(ledger)
    // This one waits again: what was sent of it is another content than any it has.
    ledger.offer('d', [file('f1', { size: 9, mtimeNs: 9n })])
    expect(take()).toHaveLength(1)
    for (const { size, mtimeNs } of given.slice(1))
      expect(ledger.sentAs('d', 's', { size, mtimeNs, inode: 7n })).toMatchObject({ size, mtimeNs })
    for (const { size, mtimeNs } of [
      file('', { size: 9, mtimeNs: 9n }),
      file('', { size: 2, mtimeNs: 3n }),
    ]) {
      const entry = ledger.sentAs('d', 's', { size, mtimeNs, inode: 7n })
      expect(entry).toMatchObject({ state: 'sent', inode: 7n })
      expect(entry).not.toMatchObject({ size, mtimeNs })
    }
    expect(ledger.sentAs('d', 's', file('', { inode: 8n }))).toBeNull()
    expect(ledger.sentAs('d', 'other', file('', { size: 2, mtimeNs: 2n }))).toBeNull()
  })

  test('a file with only a new ctime keeps its digest, and one with a new time and inode loses it', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a')])
    sendWith(ledger)
    ledger.offer('d', [file('a', { ctimeNs: 5n })])
    expect(take()).toMatchObject([{ path: 'a', digest, ctimeNs: 5n }])
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    ledger.renew(due, { ...due, ctimeNs: 6n }, 0)
    expect(take()).toMatchObject([{ digest, ctimeNs: 6n }])
    ledger.offer('d', [file('a', { ctimeNs: 7n, mtimeNs: 7n, inode: 8n })])
    expect(take()).toMatchObject([{ digest: null }])
  })

  test('touch: a file with only new times keeps its digest and the time it was sent with', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a', { mtimeNs: 1n })])
    sendWith(ledger)
    ledger.offer('d', [file('a', { mtimeNs: 2n, ctimeNs: 2n })])
    expect(take()).toMatchObject([{ digest, isTrusted: true, mtimeNs: 2n, storedNs: 1n }])
    const [due = expect.fail('nothing waits')] = take()
    ledger.renew(due, { ...due, mtimeNs: 3n, ctimeNs: 3n }, 0)
    expect(take()).toMatchObject([{ digest, mtimeNs: 3n, storedNs: 1n }])
    sendWith(ledger)
    ledger.offer('d', [file('a', { mtimeNs: 4n, ctimeNs: 4n })])
    expect(take()).toMatchObject([{ digest, mtimeNs: 4n, storedNs: 3n }])
    ledger.offer('d', [file('a', { mtimeNs: 4n, ctimeNs: 4n, size: 11 })])
    expect(take()).toMatchObject([{ digest: null }])
  })

  test('touch: a file touched during its transfer keeps the stored digest, and one that grew does not', () => {
    const { ledger, take } = open()
    for (const [name, changes] of [
      ['touched', { mtimeNs: 2n }],
      ['grown', { mtimeNs: 2n, size: 11 }],
    ] as const) {
      ledger.offer('d', [file(name, { mtimeNs: 1n })])
      const offered = take().filter(({ path }) => path === name)
      const claims = offered.map((due) => ({ ...due, mark: false, digest, seal: Buffer.of(6) }))
      ledger.offer('d', [file(name, changes)])
      expect(ledger.markSent(claims, 5_000).size).toBe(0)
      expect(ledger.getSeal(claims[0]?.id ?? 0)).toEqual(new Uint8Array([6]))
    }
    expect(take()).toMatchObject([{ digest, isTrusted: true, storedNs: 1n }, { digest: null }])
  })

  test('touch: a content found to differ is forgotten, even if the file was offered again meanwhile', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a', { mtimeNs: 1n })])
    sendWith(ledger)
    ledger.offer('d', [file('a', { mtimeNs: 2n })])
    const [due = expect.fail('nothing waits')] = take()
    ledger.offer('d', [file('a', { mtimeNs: 3n })])
    ledger.forgetContent(due)
    expect(take()).toMatchObject([{ digest: null }])
  })

  test('touch: a withdrawn name loses its digest, even if the file returns with its old time', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a', { mtimeNs: 1n })])
    sendWith(ledger)
    ledger.offer('d', [file('a', { mtimeNs: 2n })])
    expect(ledger.withdraw('d', 's', ['a'])).toBe(1)
    ledger.offer('d', [file('a', { mtimeNs: 1n })])
    expect(take()).toMatchObject([{ digest: null }])
  })

  test('a content is trusted to be at the destination until it is lost, requested again or forgotten', () => {
    const { ledger, take } = open()
    const trusted = () => take().map(({ isTrusted, digest: sent }) => [isTrusted, sent !== null])
    ledger.offer('d', [file('a')])
    expect(trusted()).toEqual([[false, false]])
    sendWith(ledger)
    ledger.offer('d', [file('a', { ctimeNs: 5n })])
    expect(trusted()).toEqual([[true, true]])
    const renew = (ctimeNs: bigint, isLost?: boolean) => {
      const [due = expect.fail('nothing waits')] = take()
      ledger.renew(due, { ...due, ctimeNs }, 0, isLost)
    }
    renew(6n)
    expect(trusted()).toEqual([[true, true]])
    renew(7n, true)
    expect(trusted()).toEqual([[false, true]])
    sendWith(ledger)
    ledger.offerAgain('d', [['s', 'a']])
    expect(trusted()).toEqual([[false, true]])
    sendWith(ledger)
    ledger.offer('d', [file('a', { ctimeNs: 9n })])
    const [due = expect.fail('nothing waits')] = take()
    ledger.forgetContent(due)
    expect(trusted()).toEqual([[false, false]])
  })

  test('a file that is renewed with other content or not yet sent to a destination is no source for a copy', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a')])
    const claims = take()
    sendWith(ledger)
    ledger.offer('d', [file('b')])
    const [due] = take()
    const [sent] = claims
    if (due === undefined || sent === undefined) throw new Error('nothing due')
    ledger.requeue('d', 'next', 's', '', 100)
    expect(elsewhere(ledger, 'next', due)).toBeNull()
    expect(elsewhere(ledger, 'd', due)?.path).toBe('a')
    ledger.renew(sent, { ...sent, size: 11 }, 0)
    expect(elsewhere(ledger, 'd', due)).toBeNull()
  })
})

describe('constantly changing file', () => {
  test('a file that changed while it was read keeps its pause, even if it is offered again', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a')])
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    const at = Date.now() + 5_000
    ledger.renew(due, { size: 11, mtimeNs: 5n, ctimeNs: 5n, inode: 7n, device: 1n }, at)
    expect(ledger.offer('d', [file('a', { size: 12 })])).toBe(1)
    expect(take(10, at - 1)).toEqual([])
    expect(take(10, at)).toMatchObject([{ size: 12, attempts: 1 }])
  })

  test('a file deferred for its age waits at most 8 s after it is replaced by an older content', () => {
    const { ledger, take } = open()
    ledger.offer('d', [file('a', { mtimeNs: BigInt(Date.now()) * 1_000_000n })])
    ledger.retryLater(take(), Date.now() + 3_600_000, null)
    expect(ledger.offer('d', [file('a')])).toBe(1)
    expect(take(10, Date.now() + 8_000)).toMatchObject([{ mtimeNs: file('a').mtimeNs }])
  })

  test('a file that changes right after each send gets growing pauses up to 8 s, none for the first three', () => {
    const { ledger } = open()
    const pauses: number[] = []
    const waitsAt = (at: number) => ledger.take('d', 's', 1, at, new Set())
    for (let round = 1; round <= 10; round += 1) {
      const now = Date.now()
      expect(ledger.offer('d', [file('a', { size: round })])).toBe(1)
      let pause = 0
      while (waitsAt(now + pause).length === 0) pause += 50
      pauses.push(pause)
      ledger.markSent(
        waitsAt(now + pause).map((claim) => ({ ...claim, mark: false })),
        Date.now(),
      )
    }
    expect(pauses.slice(0, 3)).toEqual([0, 0, 0])
    expect(pauses.every((pause, index) => index === 0 || pause + 50 >= (pauses[index - 1] ?? 0))).toBe(true)
    expect(pauses.at(-1)).toBeGreaterThan(7_000)
    expect(pauses.at(-1)).toBeLessThanOrEqual(8_100)
  })

  test('a file that rested is due at once when it changes', () => {
    const { ledger, take, send } = open()
    for (let round = 1; round <= 10; round += 1) {
      ledger.offer('d', [file('a', { size: round })])
      expect(take()).toHaveLength(1)
      // Sent long ago: in 1970.
      send(take())
    }
  })
})
