import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ScannedSource, scannedSource, withoutKoffi, writeBurst } from '../../support/scan/bursts.ts'
import { openTree } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const FILES = 20_000
const EACH = [0, 100] as const
const two = (index: number) => String(index).padStart(2, '0')

/** 200 directories of each kind. */
const existing = Array.from({ length: 200 }, (_, index) => `existing-${index}`)
const fresh = Array.from({ length: 200 }, (_, index) => `new-${index}`)
const nested = Array.from({ length: 200 }, (_, index) => `outer-${two(index % 20)}/inner-${two(index)}`)

const makeExisting = (root: string) => {
  for (const name of existing) mkdirSync(path.join(root, name))
}

/**
 * Offered to the ledger exactly once. A watcher may tell of a file twice (its writer's close, and the listing of
 * its new directory); the ledger takes a content once, and counts each time that a file became waiting.
 */
async function expectOffered(source: ScannedSource, wanted: readonly string[]): Promise<void> {
  await until('all are offered', () => source.waiting() >= wanted.length).catch((error) => {
    throw new Error(`${source.waiting()} of ${wanted.length} offered, ${source.phase()}`, { cause: error })
  })
  const offers = source.offers()
  expect(offers.size).toBe(wanted.length)
  expect(wanted.filter((one) => offers.get(one) !== 1)).toEqual([])
}

describe.skipIf(process.platform !== 'linux').each([
  ['inotify', {}, [existing, fresh, nested]],
  // It knows no difference between them.
  ['polling', withoutKoffi, [nested]],
] as const)('bursts of 20,000 files, each offered once: %s', (_, processOptions, bursts) => {
  test('files in existing, new and nested directories are offered once', async () => {
    const source = await scannedSource(processOptions, { prepare: makeExisting })
    for (const directories of bursts) {
      const wanted = await writeBurst(source.root, directories, EACH)
      expect(wanted).toHaveLength(FILES)
      await expectOffered(source, wanted)
      source.sendAll()
    }
  })

  test('files written while the process is stopped are each offered once, despite a queue overflow', async () => {
    const source = await scannedSource(processOptions, { prepare: makeExisting })
    process.kill(source.scanner.pid, 'SIGSTOP')
    const wanted: string[] = []
    try {
      const [early, late] = [existing.slice(0, 100), nested.slice(0, 100)]
      for (const directories of [early, late])
        wanted.push(...(await writeBurst(source.root, directories, EACH)))
    } finally {
      process.kill(source.scanner.pid, 'SIGCONT')
    }
    expect(wanted).toHaveLength(FILES)
    await expectOffered(source, wanted)
    // Directories whose creation was lost are watched, too.
    const later = await writeBurst(source.root, nested.slice(90, 100), [100, 101])
    await expectOffered(source, [...wanted, ...later])
  })
})

test('polling: 20,000 files in new nested directories are all reported', async () => {
  const root = temporaryDirectory('polled', existsSync('/dev/shm') ? '/dev/shm' : undefined)
  const { recorder } = await openTree('polling', root)
  const wanted = await writeBurst(root, nested, EACH)
  // Some twice: the ledger knows them then.
  await until('all are reported', () => new Set(recorder.paths).size >= FILES)
  expect([...new Set(recorder.paths)].toSorted()).toEqual(wanted.toSorted())
})
