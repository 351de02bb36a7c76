import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { chooseLength } from '../../support/long.ts'
import { limitedWatches, type ScannedSource, scannedSource, writeBurst } from '../../support/scan/bursts.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const DESTINATION = 'there'
const WATCHES = 10
const DIRECTORIES = 120
const STEPS = chooseLength(100, 5_000)

/** Makes more directories than the scanner may watch, each with a file in it and one in a directory of its own. */
function prepare(root: string): void {
  writeFileSync(path.join(root, 'top'), 'x')
  for (let index = 0; index < DIRECTORIES; index += 1) {
    mkdirSync(path.join(root, `d${index}/in`), { recursive: true })
    for (const name of ['f', 'in/f']) writeFileSync(path.join(root, `d${index}/${name}`), 'x')
  }
}

const isOffered = (source: ScannedSource, file: string): boolean => {
  const known = source.ledger.lookup(DESTINATION, 's', file)
  const { size, mtimeNs, ino } = statSync(path.join(source.root, file), { bigint: true })
  return known?.size === Number(size) && known.mtimeNs === mtimeNs && known.inode === ino
}

async function openUnwatched(): Promise<ScannedSource> {
  const source = await scannedSource(limitedWatches(WATCHES), { prepare })
  await until('all are offered', () => source.waiting() === 2 * DIRECTORIES + 1)
  await until('the limit is reported', () => source.problems().includes('scan.watchLimitPart'))
  return source
}

/** Lists the files of a tree, relative to it. */
const listFiles = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((one) =>
    lstatSync(path.join(root, one)).isFile(),
  )

describe.skipIf(process.platform !== 'linux')('inotify watch limit', () => {
  test('a burst of 20,000 files in 400 directories with a limit of 300 watches is offered once', async () => {
    const directories = Array.from({ length: 400 }, (_, index) => `d${index}`)
    const source = await scannedSource(limitedWatches(300), {
      prepare: (root) => {
        for (const name of directories.slice(0, 200)) mkdirSync(path.join(root, name))
      },
    })
    const wanted = await writeBurst(source.root, directories, [0, 50])
    await until('all are offered', () => source.waiting() >= wanted.length)
    const offers = source.offers()
    expect(offers.size).toBe(wanted.length)
    expect(wanted.filter((one) => offers.get(one) !== 1)).toEqual([])
    await until('the limit is reported', () => source.problems().includes('scan.watchLimitPart'))
  })

  test('changes in more than a hundred unwatched directories are found without comparing the others', async () => {
    const source = await openUnwatched()
    // Only a comparison of the source's own directory, which is watched, would offer it again.
    source.ledger.withdraw(DESTINATION, 's', ['top'])
    for (const round of ['one', 'two']) {
      for (let index = 0; index < DIRECTORIES; index += 1)
        writeFileSync(path.join(source.root, `d${index}/in/${round}`), round)
      await until(`all of round ${round} are offered`, () =>
        Array.from({ length: DIRECTORIES }, (_, index) => `d${index}/in/${round}`).every((file) =>
          isOffered(source, file),
        ),
      )
    }
    expect(source.ledger.lookup(DESTINATION, 's', 'top')).toBeNull()
    expect(source.problems()).toEqual(['scan.watchLimitPart'])
  })

  test('a file that changes in place in an unwatched directory is found, also with its old time', async () => {
    const source = await openUnwatched()
    const files = Array.from({ length: DIRECTORIES }, (_, index) => `d${index}/in/f`)
    for (const [index, file] of files.entries()) {
      const whole = path.join(source.root, file)
      const { atime, mtime } = statSync(whole)
      appendFileSync(whole, 'more')
      if (index % 2 === 0) utimesSync(whole, atime, mtime)
    }
    await until('all are offered as they are', () => files.every((file) => isOffered(source, file)))
  })

  test(`after ${STEPS} random changes of unwatched directories, the ledger has their files as they are`, {
    timeout: 60_000 + 100 * STEPS,
  }, async () => {
    const random = createRandom(newSeed('unwatched directories'))
    const pick = (limit: number) => Math.floor(random() * limit)
    const source = await openUnwatched()
    const at = (name: string) => path.join(source.root, name)
    const name = () => `d${pick(DIRECTORIES)}${['', '/in', '/new', '/new/deep'][pick(4)]}`
    const steps = [
      (one: string) => mkdirSync(at(one), { recursive: true }),
      (one: string) => existsSync(at(one)) && writeFileSync(at(`${one}/f${pick(3)}`), `${random()}`),
      (one: string) => existsSync(at(`${one}/f`)) && appendFileSync(at(`${one}/f`), 'more'),
      (one: string) => existsSync(at(`${one}/f`)) && renameSync(at(`${one}/f`), at(`${one}/g`)),
      (one: string) => rmSync(at(`${one}/f${pick(3)}`), { force: true }),
      (one: string) => one.includes('/') && rmSync(at(one), { recursive: true, force: true }),
      (one: string) => {
        const target = `d${pick(DIRECTORIES)}/moved${pick(5)}`
        const isFree = !existsSync(at(target)) && existsSync(at(path.dirname(target)))
        if (one.includes('/') && existsSync(at(one)) && isFree) renameSync(at(one), at(target))
      },
    ]
    for (let step = 0; step < STEPS; step += 1) steps[pick(steps.length)]?.(name())
    const missing = () => listFiles(source.root).filter((file) => !isOffered(source, file))
    await until('the ledger has every file as it is', () => missing().length === 0).catch(() =>
      expect(missing()).toEqual([]),
    )
    // A renamed file keeps its entry until the next comparison, as in a watched directory.
    await source.scanner.reconcile()
    expect(source.paths()).toEqual(listFiles(source.root).toSorted())
  })
})
