import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { startExchanging } from '../../support/faults/exchange.ts'
import { chooseLength } from '../../support/long.ts'
import { startScannerProcess } from '../../support/scan/worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { DESTINATION, startPair, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const SWAPS = chooseLength(2_000, 10_000)
const ROUNDS = 6
/** Each step of the way meets a link half of the time: on a busy machine many attempts take long. */
const PATIENCE_MS = 60_000
const SECRET = 'this is nobody else’s business '
/** Enough of them that a thread reads them. */
const SMALL = [...Array.from({ length: 12 }, (_, index) => `f${index}`), 'sub/f']
/** Beyond what travels whole. */
const LARGE = 'large'
const LARGE_BYTES = 1_500_000
const CLOSED = 'finished.parse'
const SENT = 'finished.watch'
/** Directories that are exchanged for links: a batch directory, one inside of one, and one of a continuous source. */
const PLACES = ['batch/DC1', 'batch/DC2/inner', 'plain/inner']
const BATCHES = ['batch/DC1', 'batch/DC2']

const all = (root: string): string[] => fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()

/** What everything below a directory is, to the last change of its inode. */
const readStats = (root: string) =>
  all(root).map((name) => {
    const { ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs } = fs.lstatSync(path.join(root, name), {
      bigint: true,
    })
    return [name, ino, mode.toString(8), nlink, uid, gid, size, mtimeNs, ctimeNs].join(' ')
  })

const buildContent = (text: string, size: number) => Buffer.alloc(size, text)
const getSize = (name: string) => (name === LARGE ? LARGE_BYTES : 3_000)

/** A directory by its inode: its names may be exchanged for others'. */
function hold(directory: string) {
  const fd = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  onTestFinished(() => fs.closeSync(fd))
  return `/proc/self/fd/${fd}`
}

test.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  `symbolic links: ${SWAPS} swaps of directories for links send and mark no file outside the source (needs root)`,
  async () => {
    const base = temporaryDirectory('link-race')
    const pair = await startPair(base)
    const { sender, store, home } = pair
    const root = (place: string) => path.join(home.source, place)
    const outside = path.join(base, 'outside')
    const links = path.join(base, 'links')
    fs.mkdirSync(links)
    for (const [index, place] of PLACES.entries()) {
      const there = path.join(outside, `${index}`)
      for (const name of [...SMALL, LARGE]) {
        writeFile(root(place), name, buildContent('of the source', getSize(name)))
        writeFile(there, name, buildContent(SECRET, getSize(name)))
      }
      writeFile(there, 'only-outside', SECRET)
      writeFile(there, CLOSED, '')
      for (const name of SMALL) fs.chmodSync(path.join(there, name), 0o644)
      fs.symlinkSync(there, path.join(links, `${index}`))
    }
    for (const batch of BATCHES) fs.writeFileSync(path.join(root(batch), CLOSED), '')
    const before = readStats(outside)
    const held = PLACES.map((place) => hold(root(place)))
    const heldBatches = BATCHES.map((batch) => hold(root(batch)))

    const kinds = ['batch', 'plain'] as const
    const scanner = startScannerProcess()
    scanner.configure({
      sources: kinds.map((kind) =>
        sourceSchema.parse({
          ...{ id: kind, path: root(kind), name: kind },
          kind: kind === 'batch' ? 'batch' : 'continuous',
        }),
      ),
      ledgerPath: home.ledgerPath,
      destinations: [DESTINATION],
      ...defaultSettings.scan,
      reconcileSeconds: 3600,
      quietSeconds: 0.1,
    })
    sender.configure({
      ...pair.config,
      sources: kinds.map((kind) => ({
        ...{ id: kind, path: root(kind), name: kind },
        groupWriteMark: kind === 'batch',
        paused: false,
      })),
    })
    const goOn = async () => {
      sender.nudge()
      scanner.nudge()
      await scanner.reconcile()
      sender.nudge()
    }
    const write = (round: number) => {
      for (const directory of held)
        for (const name of [...SMALL, ...(round % 5 === 0 ? [LARGE] : [])]) {
          const file = path.join(directory, name)
          fs.writeFileSync(file, buildContent(`round ${round} `, getSize(name)))
          fs.chmodSync(file, 0o644)
        }
      // The mark has to be set anew, too.
      for (const directory of heldBatches) fs.rmSync(path.join(directory, SENT), { force: true })
    }
    const stored = (place: string, name: string) => path.join(store, 'sender-1', place, name)

    const swaps = await Promise.all(
      PLACES.map((place, index) => startExchanging(root(place), path.join(links, `${index}`), 'evenly')),
    )
    const ledger = openLedger(home.ledgerPath)
    onTestFinished(() => ledger.close())
    const problems = new Set<string>()
    let round = 0
    for (; round < ROUNDS || swaps.some(({ times }) => times() < SWAPS); round += 1) {
      const from = Date.now()
      write(round)
      await until(
        `files of both sources are sent meanwhile, round ${round}`,
        async () => {
          await goOn()
          for (const one of scanner.scanned.values())
            for (const { key, params } of one.problems) problems.add(`${key} ${params.count} ${params.path}`)
          return kinds.every((source) => {
            const query = { source, state: 'sent', before: null, limit: 1 } as const
            const [last] = ledger.files([DESTINATION], query).files
            return (last?.sentAt ?? 0) > from
          })
        },
        PATIENCE_MS,
      )
    }
    for (const swap of swaps) expect(await swap.stop()).toBeGreaterThanOrEqual(SWAPS)

    // What is in its place again goes, and gets its marks.
    write(round + (5 - (round % 5)))
    const wanted = PLACES.flatMap((place) =>
      [...SMALL, LARGE].map(
        (name) => [stored(place, name), fs.readFileSync(path.join(root(place), name))] as const,
      ),
    )
    await until(
      'everything of the sources is there, and marked',
      async () => {
        await goOn()
        for (const [file, content] of wanted)
          expect(fs.readFileSync(file).equals(content), path.relative(store, file)).toBe(true)
        for (const batch of BATCHES) expect(fs.existsSync(path.join(root(batch), SENT)), batch).toBe(true)
        return true
      },
      PATIENCE_MS,
    )

    expect(readStats(outside)).toEqual(before)
    // Links are nothing that anybody would have to see to; of one that stands in a batch directory while that is marked
    // it is said that it is left there, until the directory is marked without it. Files are written while it is marked.
    const isMeant = (one: string) =>
      one === `scan.leftInBatch 1 ${root('batch/DC2')}` || one.startsWith('scan.lateInBatch ')
    expect([...problems].filter((one) => !isMeant(one))).toEqual([])
    await until('nothing is said of it any more', () =>
      [...scanner.scanned.values()].every((one) =>
        one.problems.every(({ key }) => key === 'scan.lateInBatch'),
      ),
    )
    const names = all(store)
    expect(names.filter((name) => name.includes('only-outside'))).toEqual([])
    const files = names.map((name) => path.join(store, name)).filter((file) => fs.lstatSync(file).isFile())
    expect(files.filter((file) => fs.readFileSync(file).includes(SECRET))).toEqual([])
  },
)
