import {
  appendFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Proof, Session } from '../../../core/backends/destination.ts'
import { type FoundFile, openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import type { RemovalSource } from '../../../core/send/delete-after-send/removals.ts'
import { openRemovals, Pass } from '../../../core/send/delete-after-send/removals.ts'
import { asideName } from '../../../core/send/delete-after-send/safe-unlink.ts'
import type { RemovalRule } from '../../../core/send/sender-messages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { until } from '../../support/until.ts'

const HOUR = 3_600_000
const TO = 'destination'
const SENT_MARK = 'finished.watch'
const rule: RemovalRule = { afterMs: HOUR, marks: [], sentMark: null }
const batchRule: RemovalRule = { ...rule, marks: ['finished.parse', SENT_MARK], sentMark: SENT_MARK }

/** A ledger, and files of sources that it says were sent two hours ago. */
function open() {
  const base = temporaryDirectory('removals')
  const ledger = openLedger(path.join(base, 'ledger.db'))
  onTestFinished(() => ledger.close())
  const getRoot = (id: string) => path.join(base, id)
  const write = (id: string, name: string): FoundFile => {
    const file = path.join(getRoot(id), name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, name)
    const { size, mtimeNs, ctimeNs, ino: inode, dev: device } = statSync(file, { bigint: true })
    return { source: id, path: name, size: Number(size), mtimeNs, ctimeNs, inode, device }
  }
  const sent = (id: string, names: readonly string[]) => {
    ledger.offer(
      TO,
      names.map((name) => write(id, name)),
    )
    const due = ledger.take(TO, id, names.length, Date.now(), new Set())
    ledger.markSent(
      due.map((one) => ({ ...one, mark: false, digest: computeDigest(Buffer.from(one.path)) })),
      Date.now() - 2 * HOUR,
    )
    return due
  }
  const buildSource = (id: string, removal: RemovalRule = rule): RemovalSource => ({
    id,
    path: getRoot(id),
    name: id,
    groupWriteMark: false,
    paused: false,
    removal,
  })
  return { base, ledger, getRoot, write, sent, buildSource }
}

type Prove = (name: string, nonce: Uint8Array) => Proof

/** What somebody who holds a file says: its content is its name. */
const holds: Prove = (name, nonce) => ({
  kind: 'digest',
  digest: computeDigest(Buffer.concat([nonce, Buffer.from(name)])),
})

/** A receiver; `asked`: for which files it was asked. */
function receiver(prove: Prove = holds) {
  const asked: string[] = []
  const session: Session = fakeSession({
    async prove(_source, name, _size, nonce) {
      asked.push(name)
      return prove(name, nonce)
    },
  })
  return { asked, session }
}

describe.skipIf(process.platform !== 'linux')('delete after sending (needs Linux)', () => {
  test('a missing source is logged and does not block deletion in another source', async () => {
    const { ledger, getRoot, sent, buildSource } = open()
    sent('b', ['f'])
    const warnings: string[] = []
    const log = (level: string, text: string) => void (level === 'warn' && warnings.push(text))
    const removals = openRemovals(TO, ledger, { onRemoved: () => undefined, log })
    onTestFinished(removals.stop)
    removals.configure([buildSource('a'), buildSource('b')], false)
    removals.setSession(receiver().session)
    await until('the file is removed', () => !existsSync(path.join(getRoot('b'), 'f')))
    await until('it is said of the other', () => warnings.some((text) => text.startsWith(getRoot('a'))))
  })

  const lookUp = (opened: ReturnType<typeof open>, prove?: Prove) => {
    const { asked, session } = receiver(prove)
    const lines: string[] = []
    const log = (_: string, text: string) => void lines.push(text)
    const host = { session: () => session, signal: new AbortController().signal }
    const pass = new Pass(TO, opened.ledger, { onRemoved: () => undefined, log }, host)
    return { asked, lines, pass }
  }

  const answers: [string, Prove, 'goes' | 'stays' | 'is sent again'][] = [
    ['whose content is proven with the nonce is deleted', holds, 'goes'],
    [
      'whose proof is its digest without the nonce is sent again',
      (name) => ({ kind: 'digest', digest: computeDigest(Buffer.from(name)) }),
      'is sent again',
    ],
    [
      'whose proof shows other content is sent again',
      (_, nonce) => ({ kind: 'digest', digest: computeDigest(nonce) }),
      'is sent again',
    ],
    ['that is absent at the destination is sent again', () => ({ kind: 'absent' }), 'is sent again'],
    ['whose proof is unavailable stays', () => ({ kind: 'unavailable' }), 'stays'],
  ]
  test.each(answers)('a file %s', async (_, prove, what) => {
    const opened = open()
    const { ledger, getRoot, sent, buildSource } = opened
    sent('s', ['f', 'g'])
    const { asked, pass } = lookUp(opened, prove)
    await pass.remove(buildSource('s'), rule)
    const waiting = ledger.take(TO, 's', 10, Date.now(), new Set()).map((due) => due.path)
    const there = ['f', 'g'].filter((name) => existsSync(path.join(getRoot('s'), name)))
    expect({ there, waiting }).toEqual({
      there: what === 'goes' ? [] : ['f', 'g'],
      waiting: what === 'is sent again' ? ['f', 'g'] : [],
    })
    expect(asked).toEqual(['f', 'g'])
  })

  test('a file without proof is logged and does not block deletion of the next file', async () => {
    const opened = open()
    const { getRoot, sent, buildSource } = opened
    sent('s', ['archived', 'g'])
    const { lines, pass } = lookUp(opened, (name, nonce) =>
      name === 'archived' ? { kind: 'unavailable' } : holds(name, nonce),
    )
    await pass.remove(buildSource('s'), rule)
    const there = ['archived', 'g'].filter((name) => existsSync(path.join(getRoot('s'), name)))
    expect(there).toEqual(['archived'])
    expect(lines).toContainEqual(
      expect.stringContaining('archived is not removed: the destination cannot prove now'),
    )
  })

  test('a pass without any proof stops before 1,100 files, and the next pass continues behind them', async () => {
    const opened = open()
    const names = Array.from({ length: 1_100 }, (_, index) => `f${String(index).padStart(4, '0')}`)
    opened.sent('s', names)
    const { asked, pass } = lookUp(opened, () => ({ kind: 'unavailable' }))
    await pass.remove(opened.buildSource('s'), rule)
    expect(asked.length).toBeLessThan(1_100)
    await pass.remove(opened.buildSource('s'), rule)
    expect(asked).toEqual(names)
  })

  test('a wall clock set ahead at run time causes no early deletion', async () => {
    const opened = open()
    opened.sent('s', ['f'])
    const { asked, pass } = lookUp(opened)
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 31 * 24 * HOUR)
    const monthRule = { ...rule, afterMs: 30 * 24 * HOUR }
    await pass.remove(opened.buildSource('s', monthRule), monthRule)
    clock.mockRestore()
    expect(asked).toEqual([])
    await pass.remove(opened.buildSource('s'), rule)
    expect(asked).toEqual(['f'])
  })

  test('a file changed after it was sent is sent again without a proof request, even with its old mtime', async () => {
    const opened = open()
    const { ledger, getRoot, sent, buildSource } = opened
    sent('s', ['rewritten', 'grown'])
    const [rewritten, grown] = ['rewritten', 'grown'].map((name) => path.join(getRoot('s'), name)) as [
      string,
      string,
    ]
    const { mtime } = statSync(rewritten)
    writeFileSync(rewritten, 'REWRITTEN')
    utimesSync(rewritten, mtime, mtime)
    appendFileSync(grown, 'more')
    const { asked, pass } = lookUp(opened)
    await pass.remove(buildSource('s'), rule)
    expect(asked).toEqual([])
    const waiting = ledger.take(TO, 's', 10, Date.now(), new Set())
    expect(waiting.map((due) => due.path).sort()).toEqual(['grown', 'rewritten'])
  })

  test('an open batch with more files than a pass reads does not block a closed batch after it', async () => {
    const opened = open()
    const { sent, getRoot, buildSource } = opened
    sent(
      's',
      Array.from({ length: 1_100 }, (_, index) => `2001-open/f${index}`),
    )
    sent('s', ['2002-closed/f'])
    writeFileSync(path.join(getRoot('s'), '2002-closed', SENT_MARK), '')
    const { asked, lines, pass } = lookUp(opened)
    await pass.remove(buildSource('s', batchRule), batchRule)
    expect(existsSync(path.join(getRoot('s'), '2002-closed/f'))).toBe(false)
    expect(asked).toEqual(['2002-closed/f'])
    expect(lines.filter((line) => line.includes('2001-open'))).toEqual([
      `${getRoot('s')}/2001-open: its files are not removed: its batch is open`,
    ])
  })

  test('a pass continues where the previous one stopped, and restarts after the last file', async () => {
    const opened = open()
    const { sent, getRoot, buildSource } = opened
    const source = buildSource('s', batchRule)
    sent(
      's',
      Array.from({ length: 1_000 }, (_, index) => `2001-open${index}/f`),
    )
    sent('s', ['2002-closed/f'])
    writeFileSync(path.join(getRoot('s'), '2002-closed', SENT_MARK), '')
    const { pass } = lookUp(opened)
    const last = path.join(getRoot('s'), '2002-closed/f')
    await pass.remove(source, batchRule)
    expect(existsSync(last)).toBe(true)
    await pass.remove(source, batchRule)
    expect(existsSync(last)).toBe(false)
    const first = path.join(getRoot('s'), '2001-open0')
    writeFileSync(path.join(first, SENT_MARK), '')
    await pass.remove(source, batchRule)
    expect(existsSync(path.join(first, 'f'))).toBe(false)
  })

  test('an interrupted removal that cannot be settled does not block settling another one', async () => {
    const opened = open()
    const { ledger, getRoot, sent, buildSource } = opened
    const names = Array.from({ length: 70 }, (_, index) => `away/f${String(index).padStart(2, '0')}`)
    const due = sent('s', [...names, 'there/f', 'away/last'])
    ledger.beginRemovals(due, { others: [], since: 0, now: Date.now() })
    const here = path.join(getRoot('s'), 'there/f')
    const [there] = due.filter(({ path: name }) => name === 'there/f')
    if (there === undefined) throw new Error('it was not sent')
    renameSync(here, path.join(path.dirname(here), asideName(there.id)))
    // A directory that became a file answers ENOTDIR, whoever asks.
    const away = path.join(getRoot('s'), 'away')
    renameSync(away, `${away}-aside`)
    writeFileSync(away, '')
    const { pass } = lookUp(opened)
    await pass.finishBegun(buildSource('s'))
    expect(existsSync(here)).toBe(true)
    expect(ledger.begunRemovals('s', [], 100).map(({ path: name }) => name)).toEqual([...names, 'away/last'])
    rmSync(away)
    renameSync(`${away}-aside`, away)
    await pass.finishBegun(buildSource('s'))
    expect(ledger.begunRemovals('s', [], 100)).toEqual([])
  })
})
