import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import type { LedgerFile } from '../../../core/ledger/ledger-messages.ts'
import { asideName } from '../../../core/send/delete-after-send/safe-unlink.ts'
import type { RemovalRule } from '../../../core/send/sender-messages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  createRandom,
  type Home,
  newSeed,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startPair,
  startTestSender,
  type TestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const HOUR = 3_600_000
/** Offered last, and so looked at last: when it is gone, all others have been looked at. */
const LAST = 'zz-last'

const rule = (changes: Partial<RemovalRule> = {}): RemovalRule => ({
  afterMs: HOUR,
  marks: [],
  sentMark: null,
  ...changes,
})

type Pair = Awaited<ReturnType<typeof startPair>>

const withRule = ({ config }: Pair, removal: RemovalRule = rule()) => ({
  ...config,
  sources: config.sources.map((source) => ({ ...source, removal })),
})

function inLedger({ ledgerPath }: Home, sql: string) {
  const database = new DatabaseSync(ledgerPath, { timeout: 10_000 })
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}

/** Sends files, and makes the ledger believe that it was two hours ago. */
async function sendAll(pair: Pair, names: readonly string[], bytes = 5_000) {
  for (const name of [...names, LAST]) writeFile(pair.home.source, name, randomBytes(bytes))
  const count = offerAll(pair.home)
  pair.sender.configure(pair.config)
  await allSent(pair.sender, count)
  inLedger(pair.home, `UPDATE file SET sent_at = sent_at - ${2 * HOUR}`)
}

const setUp = async (names: readonly string[], bytes?: number) => {
  const pair = await startPair(temporaryDirectory('removal'))
  await sendAll(pair, names, bytes)
  return { ...pair, here: (name: string) => path.join(pair.home.source, name) }
}

const rows = async (sender: TestSender): Promise<Map<string, LedgerFile>> => {
  const question = { source: null, state: null, before: null, limit: 200 }
  const { files } = (await sender.request('files', question)) as { files: LedgerFile[] }
  return new Map(files.map((file) => [file.path, file]))
}

/** Under its other name, too, which it has for a moment. */
const lastIsGone = ({ home }: { home: Home }) =>
  until('the last file is removed', () =>
    fs.readdirSync(home.source).every((name) => name !== LAST && !name.startsWith('.holdfast-removing')),
  )

describe.skipIf(process.platform !== 'linux')('delete after sending (Linux)', () => {
  test('a sent file is removed once it is due; its history and stored copy stay', {
    tags: 'story',
  }, async () => {
    const pair = await setUp(['a', 'deep/er/b', 'empty', 'young'], 300_000)
    const { home, sender, arrived, here } = pair
    const before = readTree(arrived)
    inLedger(home, `UPDATE file SET sent_at = sent_at + ${2 * HOUR} - 1 WHERE path = 'young'`)
    sender.configure(withRule(pair))
    await lastIsGone(pair)
    expect(Object.keys(readTree(home.source))).toEqual(['young'])
    expect(fs.readdirSync(here('deep/er'))).toEqual([])
    expect(readTree(arrived)).toEqual(before)
    const known = await rows(sender)
    expect(known.get('deep/er/b')).toMatchObject({ state: 'sent', removedAt: expect.any(Number) })
    expect(known.get('young')).toMatchObject({ state: 'sent', removedAt: null })

    // The same name with other content is another file.
    writeFile(home.source, 'a', 'new')
    offerAll(home)
    sender.nudge()
    await until('it is sent', () => fs.readFileSync(path.join(arrived, 'a'), 'utf8') === 'new')
    expect((await rows(sender)).get('a')?.removedAt).toBeNull()
    expect(fs.existsSync(here('a'))).toBe(true)
  })

  test('a file is kept if it changed after sending, or if its stored copy is lost or damaged', async () => {
    const outside = temporaryDirectory('outside')
    const harm: Record<string, (file: string, there: string) => void> = {
      rewritten: (file) => fs.writeFileSync(file, 'other content'),
      'same-facts'(file) {
        fs.writeFileSync(path.join(outside, 'time'), '')
        execFileSync('touch', ['-r', file, path.join(outside, 'time')])
        fs.writeFileSync(file, randomBytes(5_000))
        execFileSync('touch', ['-r', path.join(outside, 'time'), file])
      },
      replaced(file) {
        execFileSync('cp', ['-p', file, `${file}.tmp`])
        fs.renameSync(`${file}.tmp`, file)
      },
      link(file) {
        fs.renameSync(file, path.join(outside, 'linked'))
        fs.symlinkSync(path.join(outside, 'linked'), file)
      },
      'below/link'(file) {
        fs.renameSync(path.dirname(file), path.join(outside, 'below'))
        fs.symlinkSync(path.join(outside, 'below'), path.dirname(file))
      },
      directory(file) {
        fs.rmSync(file)
        fs.mkdirSync(file)
      },
      fifo(file) {
        fs.rmSync(file)
        execFileSync('mkfifo', [file])
      },
      'open-for-writing'(file) {
        const fd = fs.openSync(file, 'r+')
        onTestFinished(() => fs.closeSync(fd))
      },
      lost: (_file, there) => fs.rmSync(there),
      shorter: (_file, there) => fs.truncateSync(there, 100),
      rotten(_file, there) {
        const bytes = fs.readFileSync(there)
        bytes[17] = (bytes[17] ?? 0) ^ 1
        fs.writeFileSync(there, bytes)
      },
      'without-digest': () => undefined,
      'without-mark': () => undefined,
    }
    const pair = await setUp(Object.keys(harm))
    const { home, sender, arrived, here } = pair
    for (const [name, spoil] of Object.entries(harm)) spoil(here(name), path.join(arrived, name))
    inLedger(home, `UPDATE file SET digest = NULL WHERE path = 'without-digest'`)
    inLedger(home, `UPDATE file SET mark_due = 1 WHERE path = 'without-mark'`)
    const names = fs.readdirSync(home.source).sort()
    sender.configure(withRule(pair))
    await lastIsGone(pair)
    expect(fs.readdirSync(home.source).sort()).toEqual(names.filter((name) => name !== LAST))
    expect(fs.readdirSync(outside).sort()).toEqual(['below', 'linked', 'time'])
    expect(fs.readdirSync(path.join(outside, 'below'))).toEqual(['link'])
    // What the receiver has not, or not like this, is sent again.
    for (const name of ['rewritten', 'same-facts', 'replaced', 'lost', 'shorter', 'rotten'])
      await until(`${name} is at the destination again`, () =>
        fs.readFileSync(path.join(arrived, name)).equals(fs.readFileSync(here(name))),
      )
    expect([...(await rows(sender)).values()].filter(({ removedAt }) => removedAt !== null)).toHaveLength(1)
  })

  test('a file deleted by someone else is not recorded as removed by Holdfast', async () => {
    const pair = await setUp(['gone'])
    fs.rmSync(pair.here('gone'))
    pair.sender.configure(withRule(pair))
    await lastIsGone(pair)
    expect((await rows(pair.sender)).get('gone')).toMatchObject({ state: 'sent', removedAt: null })
  })

  test('a batch is removed only when all of it is sent, and its marks are never removed', async () => {
    const marks = ['finished.parse', 'finished.watch']
    const names = ['beside', 'open/a', 'sent/a', 'sent/finished.parse', 'sent/finished.watch']
    const pair = await startPair(temporaryDirectory('removal'))
    await sendAll(pair, [...names, 'sent/zz'])
    pair.sender.configure(withRule(pair, rule({ marks, sentMark: 'finished.watch' })))
    const left = () => Object.keys(readTree(pair.home.source)).sort()
    // A file on its way out has another name for a moment.
    const isRemoved = (name: string) => name === 'sent/zz' || name.includes('.holdfast-removing-')
    await until('the sent batch is removed', () => !left().some(isRemoved))
    expect(left()).toEqual([...names, LAST].filter((name) => name !== 'sent/a').sort())
  })

  test('an unmounted disk or another receiver at the address prevents every removal', {
    tags: 'story',
  }, async () => {
    const pair = await setUp(['a'])
    const ledger = openLedger(pair.home.ledgerPath)
    ledger.rememberHome(SOURCE, path.join(pair.home.directory, 'not mounted'))
    pair.sender.configure(withRule(pair))
    const said = () => pair.sender.log.some((line) => line.includes('its disk is not mounted'))
    await until('it says why', said)
    const other = await startPair(temporaryDirectory('removal'))
    const config = senderConfig(pair.home, {
      ...pair.config.destination,
      ...other.at,
      fingerprint: 'f'.repeat(64),
    })
    pair.sender.configure({ ...config, sources: withRule(pair).sources })
    await until('it is refused', () => pair.sender.report()?.connection.state === 'refused')
    ledger.rememberHome(SOURCE, '/')
    ledger.close()
    pair.sender.configure({ ...config, sources: withRule(pair, rule({ afterMs: 2 })).sources })
    expect(Object.keys(readTree(pair.home.source))).toEqual(['a', LAST])
  })

  test('an interrupted removal is repaired at the next start, even without a rule', async () => {
    const pair = await setUp(['aside', 'taken', 'twice', 'unlinked', 'untouched'])
    const { home, here } = pair
    await pair.sender.kill()
    const known = openLedger(home.ledgerPath)
    const { files } = known.files(['there'], { source: null, state: null, before: null, limit: 200 })
    known.close()
    const aside = (name: string) =>
      here(asideName(files.find((file) => file.path === name)?.id ?? Number.NaN))
    inLedger(home, `UPDATE file SET removal = 1 WHERE path <> '${LAST}'`)
    const contents = Object.fromEntries(
      ['aside', 'taken', 'twice', 'untouched'].map((name) => [name, fs.readFileSync(here(name))]),
    )
    for (const name of ['aside', 'taken']) fs.renameSync(here(name), aside(name))
    fs.writeFileSync(here('taken'), 'another one')
    fs.linkSync(here('twice'), aside('twice'))
    fs.rmSync(here('unlinked'))
    const sender = startTestSender()
    sender.configure(pair.config)
    await until('all are put right', () => {
      const ledger = openLedger(home.ledgerPath)
      const left = ledger.begunRemovals(SOURCE, [], 10).length
      ledger.close()
      return left === 0
    })
    const names = fs.readdirSync(home.source).sort()
    const kept = names.find((name) => name.startsWith('taken.kept-'))
    expect(names).toEqual(['aside', 'taken', kept, 'twice', 'untouched', LAST])
    for (const name of ['aside', 'twice', 'untouched'])
      expect(fs.readFileSync(here(name)).equals(contents[name] ?? Buffer.of())).toBe(true)
    expect(fs.readFileSync(here('taken'), 'utf8')).toBe('another one')
    expect(fs.readFileSync(here(kept ?? '')).equals(contents.taken ?? Buffer.of())).toBe(true)
    const removed = [...(await rows(sender)).values()].filter(({ removedAt }) => removedAt !== null)
    expect(removed.map(({ path: name }) => name)).toEqual(['unlinked'])
  })

  test('a kill at any moment leaves every file in the source or at the destination', async () => {
    const KILLS = 6
    const random = createRandom(newSeed('removal'))
    const names = Array.from({ length: 200 }, (_, index) => `d${index % 7}/${String(index).padStart(3, '0')}`)
    const pair = await setUp(names)
    const { home, arrived } = pair
    const all = readTree(arrived)
    let sender = pair.sender
    for (let round = 0; round < KILLS; round += 1) {
      const before = Object.keys(readTree(home.source)).length
      sender.configure(withRule(pair))
      // Each earlier kill may have put one file back, which a later pass removes.
      if (before > round + 1)
        await until('it begins', () => Object.keys(readTree(home.source)).length < before)
      await delay(random() * 8)
      await sender.kill()
      sender = startTestSender()
    }
    sender.configure(withRule(pair))
    // One that was set aside when it was killed got its name back, is proven anew, and removed at a later look.
    const known = await until(
      'all others are removed',
      async () => {
        const files = [...(await rows(sender)).values()]
        const left = files.filter(({ removedAt }) => removedAt === null).map((file) => file.path)
        expect(Object.keys(readTree(home.source)).sort()).toEqual(left.sort())
        // Getting its name back has changed its inode: it waits for a moment, and the destination has it already.
        const isSettled = files.length > 0 && files.every(({ state }) => state === 'sent')
        return isSettled && left.length <= KILLS ? files : null
      },
      90_000,
    )
    expect(readTree(arrived)).toEqual(all)
    expect(known).toHaveLength(names.length)
  }, 480_000)
})
