import { appendFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { computeDigest } from '../../../core/platform/digest.ts'
import { openMassChangeGuard } from '../../../core/scan/reconcile/mass-change-guard.ts'
import { toScannedFile } from '../../../core/walk/scanned-file.ts'
import { open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const FILES = 12
const names = Array.from({ length: FILES }, (_, index) => `log-${index}`)
const textOf = (name: string) => `the content of ${name}`

/** A source of 12 sent files and its guard, whose pauses pass at once. */
function begin() {
  const root = temporaryDirectory('mass-change')
  const { ledger, take } = open()
  const scan = (name: string) => ({
    ...toScannedFile(name, statSync(path.join(root, name), { bigint: true })),
    source: 's',
  })
  for (const name of names) writeFileSync(path.join(root, name), textOf(name))
  ledger.offer('d', names.map(scan))
  const digests = new Map(names.map((name) => [name, computeDigest(Buffer.from(textOf(name)))]))
  ledger.markSent(
    take().map((due) => ({
      ...{ id: due.id, generation: due.generation, mark: false },
      digest: digests.get(due.path) ?? null,
    })),
    Date.now(),
  )
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const seen = { changed: 0, offered: 0, failed: [] as unknown[] }
  const guard = openMassChangeGuard({
    source: { id: 's', kind: 'continuous', path: root },
    ...{ ledger, destinations: ['d'] },
    changed: () => {
      seen.changed += 1
    },
    offered: () => {
      seen.offered += 1
    },
    failed: (thrown) => seen.failed.push(thrown),
  })
  onTestFinished(() => guard.stop())
  return {
    ...{ root, ledger, guard, seen },
    notice: (which: readonly string[]) => guard.notice(which.map(scan)),
    empty: (which: readonly string[]) => {
      for (const name of which) truncateSync(path.join(root, name))
    },
  }
}

/** Lets the guard's pauses pass until a condition holds. */
const passing = (what: string, probe: () => boolean) =>
  until(what, async () => {
    await vi.advanceTimersByTimeAsync(1_000)
    return probe()
  })

test('mass-change guard: many emptied files put their source on hold, until a person releases it', async () => {
  const { ledger, guard, seen, notice, empty } = begin()
  empty(names)
  expect(notice(names)).toEqual(new Set(names))
  await passing('it is held', () => guard.held() !== null)
  expect(guard.held()).toMatchObject({ lost: FILES, changed: 0 })
  expect(guard.paths(2)).toEqual(['log-0', 'log-1'])
  expect(ledger.held('s')).toEqual(guard.held())
  guard.release()
  expect([guard.held(), ledger.held('s'), guard.paths(1)]).toEqual([null, null, []])
  expect([seen.changed, seen.failed]).toEqual([2, []])
})

test('mass-change guard: few emptied files wait, and are no incident', async () => {
  const { guard, ledger, seen, notice, empty } = begin()
  const few = names.slice(0, 9)
  empty(few)
  expect(notice(few).size).toBe(9)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(ledger.held('s')).toBeNull()
  expect([guard.held(), seen.changed, seen.failed]).toEqual([null, 0, []])
})

test.each([
  ['packed under a name with a number', (name: string) => `${name}.1`],
  ['renamed and written to', (name: string) => `moved from ${name}`],
])('mass-change guard: contents that were %s are found, and their files are sent', async (_, rename) => {
  const { root, ledger, guard, seen, notice } = begin()
  for (const name of names) {
    const to = path.join(root, rename(name))
    if (to.endsWith('.1')) writeFileSync(to, 'packed')
    else renameSync(path.join(root, name), to)
    if (!to.endsWith('.1')) appendFileSync(to, 'more')
    writeFileSync(path.join(root, name), '')
  }
  notice([...names, ...names.map(rename)])
  await passing('the contents are found', () => ledger.suspectPaths('s', 1).length === 0)
  expect([guard.held(), ledger.held('s'), seen.failed]).toEqual([null, null, []])
  expect(seen.offered).toBeGreaterThan(0)
})

test('mass-change guard: copies of the contents are found by their digests; other files are no copies', async () => {
  const { root, ledger, guard, notice, empty } = begin()
  empty(names)
  for (const name of names) writeFileSync(path.join(root, `copy of ${name}`), textOf(name).toUpperCase())
  notice([...names, ...names.map((name) => `copy of ${name}`)])
  await passing('it is held', () => guard.held() !== null)
  for (const name of names) writeFileSync(path.join(root, `saved ${name}`), textOf(name))
  notice(names.map((name) => `saved ${name}`))
  await passing('the copies are found', () => guard.held() === null)
  expect([ledger.held('s'), ledger.suspectPaths('s', 1)]).toEqual([null, []])
})

test('mass-change guard: contents that come back end the hold', async () => {
  const { root, ledger, guard, notice, empty } = begin()
  empty(names)
  notice(names)
  await passing('it is held', () => guard.held() !== null)
  for (const name of names) writeFileSync(path.join(root, name), textOf(name))
  notice(names)
  await passing('it is released', () => guard.held() === null)
  expect(ledger.held('s')).toBeNull()
})
