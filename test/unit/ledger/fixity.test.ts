import { describe, expect, test } from 'vitest'
import { file, open } from '../../support/store/ledger.ts'

const content = (fill: number) => Buffer.alloc(32, fill)
const sha256 = Buffer.alloc(32, 7)
const md5 = Buffer.alloc(16, 7)

/** A ledger, and a function that records a file as sent to a destination. */
function openWithSend() {
  const { ledger } = open()
  const send = (destination: string, name: string, claim: object) => {
    ledger.offer(destination, [file(name)])
    const due = ledger.take(destination, 's', 10, Date.now(), new Set()).find((one) => one.path === name)
    if (due === undefined) throw new Error('nothing due')
    ledger.markSent([{ ...due, mark: false, ...claim }], Date.now())
    return due
  }
  const list = (...destinations: string[]) => ledger.durableFiles(destinations, 's', '', 100)
  return { ledger, send, list }
}

describe('digests for archives', () => {
  test('a file is listed once it is sent, with those that were requested', () => {
    const { ledger, send, list } = openWithSend()
    send('d', 'both', { digest: content(1), fixity: { sha256, md5 } })
    send('d', 'one', { digest: content(2), fixity: { sha256 } })
    send('d', 'none', { digest: content(3), fixity: {} })
    ledger.offer('d', [file('waits')])
    expect(list('d')).toMatchObject([
      { path: 'both', digest: content(1), sha256, md5 },
      { path: 'none', sha256: null, md5: null },
      { path: 'one', sha256, md5: null },
    ])
    expect(ledger.notDurable(['d'], 's')).toBe(1)
    expect(ledger.durableFiles(['d'], 's', 'both', 1)).toMatchObject([{ path: 'none' }])
  })

  test('a file is listed for several destinations only if each has the same content; any record of it counts', () => {
    const { send, list } = openWithSend()
    send('d', 'same', { digest: content(1), fixity: {} })
    send('e', 'same', { digest: content(1), fixity: { sha256 } })
    send('d', 'other', { digest: content(2), fixity: { sha256 } })
    send('e', 'other', { digest: content(3), fixity: { sha256 } })
    send('d', 'alone', { digest: content(4), fixity: { sha256 } })
    expect(list('d', 'e')).toMatchObject([{ path: 'same', sha256 }])
    expect(list('d').map(({ path }) => path)).toEqual(['alone', 'other', 'same'])
    expect(list('nowhere')).toEqual([])
  })

  test('a record of an earlier content does not count', () => {
    const { ledger, send, list } = openWithSend()
    send('d', 'a', { digest: content(1), fixity: { sha256 } })
    ledger.offer('d', [{ ...file('a'), mtimeNs: 99n, size: 11 }])
    expect(list('d')).toEqual([])
    const [due] = ledger.take('d', 's', 1, Date.now(), new Set())
    if (due === undefined) throw new Error('nothing due')
    ledger.markSent([{ ...due, mark: false, digest: content(2) }], Date.now())
    expect(list('d')).toMatchObject([{ path: 'a', digest: content(2), sha256: null }])
  })

  test('a file that disappears while it waits to be sent again keeps its sent content and its time', () => {
    const { ledger, send, list } = openWithSend()
    send('d', 'a', { digest: content(1), fixity: { sha256 }, position: 1 })
    const [sent] = list('d')
    ledger.offer('d', [{ ...file('a'), mtimeNs: 99n }])
    expect(list('d')).toEqual([])
    ledger.withdraw('d', 's', ['a'])
    expect(list('d')).toEqual([sent])
    // It returns with other content, and disappears again before that was sent.
    ledger.offer('d', [{ ...file('a'), mtimeNs: 100n, size: 11 }])
    ledger.withdraw('d', 's', ['a'])
    expect(list('d')).toEqual([])
  })

  test('a file whose content the destination has lost is not listed after it disappeared, unless it was healed', () => {
    const { ledger, send, list } = openWithSend()
    const finding = { source: 's', path: 'a', finding: 'damaged', size: 10, digest: '01'.repeat(32) } as const
    send('d', 'a', { digest: content(1), fixity: { sha256 }, position: 1 })
    const [sent] = list('d')
    ledger.offerDamaged('d', { ...finding, at: Date.now() + 1 })
    ledger.withdraw('d', 's', ['a'])
    expect(list('d')).toEqual([])
    ledger.markHealed('d', [{ ...finding, at: Date.now() + 2, position: 2, seal: null }])
    expect(list('d')).toEqual([sent])
  })

  test('a name that its content has left is not listed, also if it waited to be sent again', () => {
    const { ledger, send, list } = openWithSend()
    const a = send('d', 'a', { digest: content(1), fixity: { sha256 }, position: 1 })
    ledger.offer('d', [{ ...file('a'), mtimeNs: 99n }])
    send('d', 'b', { digest: content(1), fixity: { sha256 }, position: 2, moved: [{ id: a.id }] })
    ledger.withdraw('d', 's', ['a'])
    expect(list('d').map(({ path }) => path)).toEqual(['b'])
  })

  test('a file names the destination whose copy is damaged, until its content is there again', () => {
    const { ledger, send, list } = openWithSend()
    for (const destination of ['d', 'e', 'f'])
      send(destination, 'a', { digest: content(1), fixity: { sha256 } })
    for (const destination of ['d', 'e', 'f']) ledger.markGone(destination, 's', ['a'], Date.now())
    const finding = { source: 's', path: 'a', finding: 'damaged', size: 10, digest: '01'.repeat(32) } as const
    ledger.offerDamaged('e', { ...finding, at: Date.now() + 1 })
    expect(list('d', 'e')).toMatchObject([{ path: 'a', damagedAt: 'e' }])
    expect(list('d')).toMatchObject([{ path: 'a', damagedAt: null }])
    ledger.markHealed('e', [{ ...finding, at: Date.now() + 2, position: 1, seal: null }])
    expect(list('d', 'e')).toMatchObject([{ path: 'a', damagedAt: null }])
    // Sent after the finding, which the next plan forgets.
    ledger.offerDamaged('f', { ...finding, at: Date.now() - 60_000 })
    expect(list('f')).toMatchObject([{ path: 'a', damagedAt: null }])
  })
})
