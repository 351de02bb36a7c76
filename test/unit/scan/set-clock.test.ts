import { statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { toScannedFile } from '../../../core/walk/scanned-file.ts'
import { DelayQueue } from '../../../core/watch/delay-queue.ts'
import { QuietPeriod } from '../../../core/watch/polling.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const HOUR = 3_600_000

/** An hour back from one moment to the next; timers and performance.now() go on as if nothing had been. */
function setClockBack(): void {
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() - HOUR)
}

afterEach(() => void vi.restoreAllMocks())

test('delay queue: an entry becomes due on time although the clock is set back', async () => {
  const later = new DelayQueue<string>(20)
  later.put('a', 'before')
  setClockBack()
  later.put('b', 'after')
  const found: string[] = []
  await until('both are due', () => {
    found.push(...later.due())
    return found.length === 2
  })
  expect(found).toEqual(['before', 'after'])
})

test('quiet period: a period begun before the clock was set back still ends', async () => {
  const root = temporaryDirectory('quiet')
  writeFileSync(path.join(root, 'a'), 'a')
  const finished: string[] = []
  const listener = {
    finished: (files: { path: string }[]) => void finished.push(...files.map((one) => one.path)),
    lost: async () => undefined,
    mark: () => undefined,
    problem: () => undefined,
    writing: () => undefined,
  }
  const quiet = new QuietPeriod({ root, base: '', names: { ignore: [], marks: [] } }, listener, 50)
  onTestFinished(() => quiet.close())
  quiet.observe(toScannedFile('a', statSync(path.join(root, 'a'), { bigint: true })))
  setClockBack()
  await until('it is finished', () => finished.includes('a'))
})
