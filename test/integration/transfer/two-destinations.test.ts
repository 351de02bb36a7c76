import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import type { LedgerFile } from '../../../core/ledger/ledger-messages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  type Home,
  listFoundFiles,
  makeHome,
  SOURCE,
  senderConfig,
  startListening,
  startTestSender,
  type TestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const HOUR = 3_600_000
const RULE = { afterMs: HOUR, marks: [], sentMark: null }
const IDS = ['one', 'two'] as const

/** One source, two receivers, and a sender process to each. */
async function setUp() {
  const base = temporaryDirectory('two-destinations')
  const home = await makeHome(path.join(base, 'home'))
  const ways = []
  for (const id of IDS) {
    const store = path.join(base, id)
    const { receiver, at } = await startListening(store, [home])
    const plain = senderConfig(home, at)
    const alsoTo = IDS.filter((other) => other !== id)
    const sources = plain.sources.map((source) => ({ ...source, alsoTo }))
    const destination = plain.destination === null ? null : { ...plain.destination, id }
    const withRule = { ...plain, destination, sources: sources.map((one) => ({ ...one, removal: RULE })) }
    const config = { ...plain, destination, sources }
    ways.push({
      id,
      receiver,
      config,
      withRule,
      sender: startTestSender(),
      arrived: path.join(store, 'sender-1', 'data'),
    })
  }
  return { home, ways }
}

/** What the scanner does for each destination; `lacks`: a file that it has not come to yet. */
function offer(home: Home, id: string, lacks?: string): number {
  const ledger = openLedger(home.ledgerPath)
  try {
    // What one destination had is not brought to the other: here the test says who has what.
    ledger.rememberFilled(SOURCE, id, [...IDS])
    return ledger.offer(
      id,
      listFoundFiles(home.source).filter((one) => one.path !== lacks),
    )
  } finally {
    ledger.close()
  }
}

function inLedger({ ledgerPath }: Home, sql: string) {
  const database = new DatabaseSync(ledgerPath, { timeout: 10_000 })
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

const readFiles = async (sender: TestSender, destination: string) => {
  const question = { source: null, state: null, before: null, limit: 200, destinations: [destination] }
  const { files } = (await sender.request('files', question)) as { files: LedgerFile[] }
  return new Map(files.map((file) => [file.path, file]))
}

describe.skipIf(process.platform !== 'linux')('delete after sending to two destinations (Linux)', () => {
  test('a file is removed only when both destinations have proven their copies', async () => {
    const { home, ways } = await setUp()
    const [one, two] = ways
    if (one === undefined || two === undefined) throw new Error('two ways')
    const here = (name: string) => path.join(home.source, name)
    for (const name of ['both', 'lost', 'missing', 'zz-last'])
      writeFile(home.source, name, randomBytes(5_000))
    for (const way of ways) {
      const count = offer(home, way.id, way.id === 'two' ? 'missing' : undefined)
      way.sender.configure(way.config)
      await allSent(way.sender, count)
    }
    inLedger(home, `UPDATE file SET sent_at = sent_at - ${2 * HOUR}`)
    fs.rmSync(path.join(two.arrived, 'lost'))

    // The first one alone: it proves what it has, and removes nothing.
    one.sender.configure(one.withRule)
    const proven = () => inLedger(home, 'SELECT path FROM file WHERE proven_at IS NOT NULL ORDER BY path')
    await until('the first one has proven its copies', () => proven().length === 4)
    expect(fs.readdirSync(home.source).sort()).toEqual(['both', 'lost', 'missing', 'zz-last'])

    two.sender.configure(two.withRule)
    await until(
      'the last file is removed',
      () => fs.readdirSync(home.source).sort().join() === 'lost,missing',
    )
    // What the second one had lost is sent there again, and stays until that is old enough, too.
    await until('it has it again', () => fs.existsSync(path.join(two.arrived, 'lost')))
    const [atOne, atTwo] = [await readFiles(one.sender, 'one'), await readFiles(one.sender, 'two')]
    for (const rows of [atOne, atTwo]) {
      expect(rows.get('both')).toMatchObject({ state: 'sent', removedAt: expect.any(Number) })
      expect(rows.get('lost')?.removedAt).toBeNull()
    }
    expect(atOne.get('missing')).toMatchObject({ state: 'sent', removedAt: null })
    expect(atTwo.has('missing')).toBe(false)
    for (const { arrived } of ways) expect(fs.existsSync(path.join(arrived, 'both'))).toBe(true)
    expect(fs.existsSync(here('missing'))).toBe(true)
  })

  test('simultaneous checks for both destinations remove every file and leave no temporary name', async () => {
    const { home, ways } = await setUp()
    for (let index = 0; index < 100; index += 1) writeFile(home.source, `file${index}`, randomBytes(2_000))
    for (const way of ways) {
      const count = offer(home, way.id)
      way.sender.configure(way.config)
      await allSent(way.sender, count)
    }
    inLedger(home, `UPDATE file SET sent_at = sent_at - ${2 * HOUR}`)
    for (const { sender, withRule } of ways) sender.configure(withRule)
    await until('all are removed', () => fs.readdirSync(home.source).length === 0)
    for (const { arrived } of ways) expect(fs.readdirSync(arrived)).toHaveLength(100)
    const log = ways.flatMap(({ sender }) => sender.log)
    expect(log.filter((line) => /cannot be removed|sent again/.test(line))).toEqual([])
    await until('the ledger says so for both', () => {
      const rows = inLedger(home, 'SELECT removal FROM file WHERE removal <> 2')
      return rows.length === 0
    })
  })
})
