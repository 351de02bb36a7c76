import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  offerAll,
  readTree,
  SOURCE,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

test.each([
  ['deleted', { deletedFiles: 21 }],
  ['removed by Holdfast', { removedFiles: 21 }],
] as const)(
  'put back: files that were %s are not sent again with the same bytes and times',
  async (how, gone) => {
    const { home, at, sender, config, arrived, store } = await startPair(temporaryDirectory('put-back'))
    const relay = await startRelay(at.port)
    const receiver = {
      id: DESTINATION,
      kind: 'receiver' as const,
      name: 'receiver',
      host: '127.0.0.1',
      ...at,
    }
    writeFile(home.source, 'large', randomBytes(8 * MIB))
    for (let index = 0; index < 20; index += 1) writeFile(home.source, `d/${index}`, randomBytes(20_000))
    offerAll(home)
    sender.configure({ ...config, destination: { ...receiver, port: relay.port } })
    await allSent(sender, 21)
    const contents = relay.sentBytes()
    expect(contents).toBeGreaterThan(8 * MIB)
    const before = readTree(home.source)

    const ledger = openLedger(home.ledgerPath)
    onTestFinished(() => ledger.close())
    const aside = temporaryDirectory('aside')
    fs.cpSync(home.source, aside, { recursive: true, preserveTimestamps: true })
    for (const name of ['large', 'd']) fs.rmSync(path.join(home.source, name), { recursive: true })
    if (how === 'deleted') ledger.markGone(DESTINATION, SOURCE, Object.keys(before), Date.now())
    else {
      const due = ledger.removable(DESTINATION, SOURCE, Date.now(), 100).files
      ledger.beginRemovals(due, { others: [], since: 0, now: Date.now() })
      ledger.endRemovals(
        due.map(({ id }) => ({ id, end: 'removed' })),
        Date.now(),
      )
    }
    expect(ledger.totals(DESTINATION)[SOURCE]).toMatchObject({ sentFiles: 0, ...gone })

    for (const name of ['large', 'd'])
      fs.cpSync(path.join(aside, name), path.join(home.source, name), {
        recursive: true,
        preserveTimestamps: true,
      })
    // cp keeps milliseconds, a restore keeps all of the time.
    for (const name of Object.keys(before)) {
      const { mtimeNs } = fs.statSync(path.join(arrived, name), { bigint: true })
      setTime(path.join(home.source, name), mtimeNs)
    }
    offerAll(home)
    sender.nudge()
    await allSent(sender, 21)
    expect(relay.sentBytes() - contents).toBeLessThan(64 * 1024)
    expect(readTree(arrived)).toEqual(before)
    expect(fs.existsSync(path.join(store, '.holdfast', 'versions'))).toBe(false)
    await until('nothing is deleted any more', () => {
      const { deletedFiles, removedFiles } = ledger.totals(DESTINATION)[SOURCE] ?? {}
      return deletedFiles === 0 && removedFiles === 0
    })
  },
)

/** Sets a modification time to the nanosecond. */
function setTime(file: string, mtimeNs: bigint): void {
  const seconds = `${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, '0')}`
  execFileSync('touch', ['-d', `@${seconds}`, file])
}
