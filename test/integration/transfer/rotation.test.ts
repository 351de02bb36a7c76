import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { forwardNudges, startScannerProcess } from '../../support/scan/worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  createRandom,
  DESTINATION,
  newSeed,
  readTree,
  SOURCE,
  startPair,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const ROTATIONS = 20

/** A scanner, a sender and a receiver on one continuous source. */
async function setUp() {
  const { home, sender, config, arrived, store } = await startPair(temporaryDirectory('rotation'))
  const scanner = startScannerProcess()
  forwardNudges(scanner, () => sender)
  sender.configure(config)
  scanner.configure({
    sources: [sourceSchema.parse({ id: SOURCE, path: home.source, name: 'data' })],
    ledgerPath: home.ledgerPath,
    destinations: [DESTINATION],
    ...defaultSettings.scan,
    reconcileSeconds: 3600,
    quietSeconds: 0.3,
  })
  await until('it is watched', () => scanner.scanned.get(SOURCE)?.phase === 'watching')
  return { home, sender, arrived, store }
}

/** app.log as logrotate and its writer treat it: opened, appended to, renamed, closed, in whatever order. */
function createLog(root: string) {
  const at = (number: number) => path.join(root, number === 0 ? 'app.log' : `app.log.${number}`)
  let generation = 0
  let fd = fs.openSync(at(0), 'a')
  const line = (text: string) => fs.writeSync(fd, `generation ${generation}: ${text} ${'x'.repeat(1_500)}\n`)
  return {
    line,
    /** The writer keeps the old file open, and writes into it, until it is told of the new one. */
    rotate(late: boolean) {
      for (let number = generation; number >= 0; number -= 1) fs.renameSync(at(number), at(number + 1))
      const old = fd
      if (late) line('after the rename')
      fd = fs.openSync(at(0), 'a')
      if (late) fs.writeSync(old, `generation ${generation}: the last word\n`)
      fs.closeSync(old)
      generation += 1
    },
    reopen() {
      fs.closeSync(fd)
      fd = fs.openSync(at(0), 'a')
    },
    close: () => fs.closeSync(fd),
  }
}

test.each(['at once', 'at the pace of the transfer'])(
  `log rotation: ${ROTATIONS} rotations of a watched log, %s, lose no file`,
  async (pace) => {
    const random = createRandom(newSeed(`rotation ${pace}`))
    const { home, sender, arrived, store } = await setUp()
    const log = createLog(home.source)
    for (let count = 0; count < ROTATIONS; count += 1) {
      log.line('first')
      // A writer that opens it for each line has it sent before it is rotated.
      if (random() < 0.7) log.reopen()
      if (pace !== 'at once') await delay(random() ** 2 * 120)
      if (random() < 0.5) log.line('second')
      log.rotate(random() < 0.5)
    }
    log.line('the newest')
    log.close()
    const here = readTree(home.source)
    expect(Object.keys(here)).toHaveLength(ROTATIONS + 1)
    await until(
      'every file is at the receiver as it is here',
      () => JSON.stringify(sorted(readTree(arrived))) === JSON.stringify(sorted(here)),
    ).catch(() => expect(sorted(readTree(arrived))).toEqual(sorted(here)))
    await until('nothing waits', () => sender.report()?.totals[SOURCE]?.waitingFiles === 0)
    expect(sender.report()?.totals[SOURCE]?.parkedFiles).toBe(0)
    // What the receiver had of a name before is kept as well, never overwritten.
    const kept = Object.keys(readTree(path.join(store, '.holdfast', 'versions')))
    console.log(`${pace}: ${kept.length} older contents kept`)
  },
  90_000,
)

const sorted = (tree: Record<string, string>) => Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1))
