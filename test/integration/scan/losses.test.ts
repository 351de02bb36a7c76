import { linkSync, lstatSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { openMassChangeGuard } from '../../../core/scan/reconcile/mass-change-guard.ts'
import { toScannedFile } from '../../../core/walk/scanned-file.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const FILES = 60
const names = Array.from({ length: FILES }, (_, index) => `run-${index}`)

/** Sixty files of a source that were sent, with the guard that looks after them. */
function setUp(getContent: (name: string) => string) {
  const parent = temporaryDirectory('losses')
  const root = path.join(parent, 'source')
  const at = (name: string) => path.join(root, name)
  mkdirSync(root)
  for (const name of names) writeFileSync(at(name), getContent(name))
  const ledger = openLedger(path.join(parent, 'ledger.db'))
  const source = { id: 'runs', kind: 'continuous' as const, path: root }
  const found = (some: readonly string[]) =>
    some.map((name) => ({ source: source.id, ...toScannedFile(name, lstatSync(at(name), { bigint: true })) }))
  ledger.offer('nas', found(names))
  const due = ledger.take('nas', source.id, FILES, Date.now(), new Set())
  const digest = (name: string) => computeDigest(readFileSync(at(name)))
  ledger.markSent(
    due.map(({ id, generation, path }) => ({ id, generation, mark: false, digest: digest(path) })),
    Date.now(),
  )
  const losses = openMassChangeGuard({
    source,
    ledger,
    destinations: ['nas'],
    changed: () => undefined,
    offered: () => undefined,
    failed: (error) => expect.fail(String(error)),
  })
  onTestFinished(() => {
    losses.stop()
    ledger.close()
  })
  return {
    at,
    losses,
    ledger,
    /** As the scanner does with files that changed. */
    report(some: readonly string[]) {
      const files = found(some)
      losses.notice(files)
      ledger.offer('nas', files, Date.now() + 10_000)
    },
    empty() {
      for (const name of names) truncateSync(at(name), 0)
    },
  }
}
const untilHeld = ({ losses }: ReturnType<typeof setUp>) => until('it to be held', losses.held, 25_000)
const own = (name: string) => `what ${name} has measured`

test('mass-change guard: files emptied beside encrypted copies are held', async () => {
  const here = setUp(own)
  for (const name of names)
    writeFileSync(
      here.at(`${name}.locked`),
      Buffer.from(own(name)).map((byte) => byte ^ 0x5a),
    )
  here.empty()
  here.report([...names, ...names.map((name) => `${name}.locked`)])
  expect(await untilHeld(here)).toMatchObject({ lost: FILES })
})

test('mass-change guard: a hard link of an emptied file does not count as its copy', async () => {
  const here = setUp(own)
  const links = names.map((name) => `${name}.1`)
  for (const name of names) linkSync(here.at(name), here.at(`${name}.1`))
  here.report(links)
  here.empty()
  here.report(names)
  expect(await untilHeld(here)).toMatchObject({ lost: FILES })
})

test('mass-change guard: a new file accounts for one emptied file only', async () => {
  const here = setUp(() => 'ready')
  const copies = ['copy', 'other']
  for (const name of copies) writeFileSync(here.at(name), 'ready now')
  here.empty()
  here.report([...names, ...copies])
  expect(await untilHeld(here)).toMatchObject({ lost: FILES - copies.length })
})

test('mass-change guard: copies written after their files were emptied end the hold', async () => {
  const here = setUp(own)
  here.empty()
  here.report(names)
  await untilHeld(here)
  const copies = names.map((name) => `${name}.copy`)
  for (const name of names) writeFileSync(here.at(`${name}.copy`), `${own(name)}, and more`)
  here.report(copies)
  await until('it goes again', () => here.losses.held() === null, 25_000)
  expect(here.ledger.countSuspects('runs', 0)).toEqual({ lost: 0, changed: 0 })
})

test('mass-change guard: truncated or invalid gzip files do not hide the complete copies of emptied files', async () => {
  const here = setUp(own)
  const packed = names.flatMap((name, index) => {
    const whole = gzipSync(own(name))
    writeFileSync(here.at(`${name}.gz`), whole)
    // Each is cut one byte later than the last; gzip is recognised by its first two bytes.
    writeFileSync(here.at(`${name}.cut.gz`), whole.subarray(0, Math.min(index + 2, whole.length - 1)))
    writeFileSync(here.at(`${name}.odd.gz`), Buffer.concat([whole.subarray(0, 4), Buffer.alloc(90, index)]))
    return [`${name}.cut.gz`, `${name}.odd.gz`, `${name}.gz`]
  })
  here.empty()
  here.report([...names, ...packed])
  await until('all contents to be found', () => here.ledger.countSuspects('runs', 0).lost === 0, 25_000)
  expect(here.losses.held()).toBeNull()
})
