import { linkSync, lstatSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { openMassChangeGuard } from '../../../core/scan/reconcile/mass-change-guard.ts'
import { toScannedFile } from '../../../core/walk/scanned-file.ts'
import { openLogs } from '../../support/scan/logrotate.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const FILES = 60
const names = Array.from({ length: FILES }, (_, index) => `run-${index}`)

/** Sixty files of a source that were sent, with the guard that looks after them. */
function setUp(getContent: (name: string) => string) {
  const root = path.join(temporaryDirectory('losses'), 'source')
  mkdirSync(root)
  for (const name of names) writeFileSync(path.join(root, name), getContent(name))
  return guardSent(root, names)
}

/** Sends these files of a source, and opens the guard that looks after them. */
function guardSent(root: string, names: readonly string[]) {
  const parent = path.dirname(root)
  const at = (name: string) => path.join(root, name)
  const ledger = openLedger(path.join(parent, 'ledger.db'))
  const source = { id: 'runs', kind: 'continuous' as const, path: root }
  const found = (some: readonly string[]) =>
    some.map((name) => ({ source: source.id, ...toScannedFile(name, lstatSync(at(name), { bigint: true })) }))
  ledger.offer('nas', found(names))
  const due = ledger.take('nas', source.id, names.length, Date.now(), new Set())
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
const untilHeld = ({ losses }: ReturnType<typeof setUp>) => until('it to be held', losses.held)
const own = (name: string) => `what ${name} has measured`

test('mass-change guard: files emptied beside encrypted copies of other names are held', async () => {
  const here = setUp(own)
  const encrypted = names.map((_, index) => `${index}-locked`)
  for (const [index, name] of names.entries())
    writeFileSync(
      here.at(encrypted[index] ?? ''),
      Buffer.from(own(name)).map((byte) => byte ^ 0x5a),
    )
  here.empty()
  here.report([...names, ...encrypted])
  expect(await untilHeld(here)).toMatchObject({ lost: FILES })
})

test('mass-change guard: files emptied beside encrypted copies of longer names are held', async () => {
  const root = path.join(temporaryDirectory('encrypted'), 'source')
  mkdirSync(root)
  const documents = names.map((name) => `${name}.doc`)
  for (const name of documents) writeFileSync(path.join(root, name), own(name))
  const here = guardSent(root, documents)
  const endings = ['.locked', '.id-1234.[who@example.org].crypt', '.3f9a2c', '_encrypted.2', '.1st']
  const encrypted = documents.map((name, index) => `${name}${endings[index % endings.length]}`)
  for (const name of encrypted) writeFileSync(here.at(name), 'not the content')
  for (const name of documents) truncateSync(here.at(name), 0)
  here.report([...documents, ...encrypted])
  expect(await untilHeld(here)).toMatchObject({ lost: FILES })
})

/** No program of this name exists outside the test: its output can only be recognised by its name. */
const OWN_COMPRESSOR = '#!/bin/sh\nexec tr a-z b-za\n'
const packed = (program: string, ending: string) => [
  'compress',
  `compresscmd ${program}`,
  `compressext ${ending}`,
]

test.skipIf(process.getuid?.() !== 0).each<[string, readonly string[]]>([
  ['xz and copytruncate', ['copytruncate', ...packed('/usr/bin/xz', '.xz')]],
  ['zstd and olddir', ['create', 'olddir old', ...packed('/usr/bin/zstd', '.zst')]],
  ['bzip2 and dateext', ['create', 'dateext', ...packed('/usr/bin/bzip2', '.bz2')]],
  ['an own compressor, copytruncate, dateext and extension', ['copytruncate', 'dateext', 'extension .log']],
])('mass-change guard: logs rotated by logrotate with %s are not lost', async (way, options) => {
  const root = path.join(temporaryDirectory('rotated'), 'source')
  const own = `${root}.compressor`
  mkdirSync(root)
  writeFileSync(own, OWN_COMPRESSOR, { mode: 0o755 })
  const logs = openLogs(
    root,
    33,
    way.startsWith('an own') ? [...options, ...packed(own, '.own')] : options,
    4,
  )
  logs.append('the first day')
  const here = guardSent(
    root,
    logs.files.map((file) => path.basename(file)),
  )
  // Writers keep a log open, so its sent copy may be shorter than its rotation.
  logs.append('x'.repeat(5_000))
  logs.rotate()
  here.report(Object.keys(readTree(root)))
  const { losses, ledger } = here
  await until('the rotations to be found', () => losses.held() ?? ledger.countSuspects('runs', 0).lost === 0)
  expect(losses.held()).toBeNull()
})

test('mass-change guard: new files with longer names of other words account for no emptied file', async () => {
  const here = setUp(own)
  const others = names.map((name) => `${name}other`)
  for (const name of others) writeFileSync(here.at(name), 'of another run')
  here.empty()
  here.report([...names, ...others])
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
  const copies = names.map((name) => `copy-${name}`)
  for (const name of names) writeFileSync(here.at(`copy-${name}`), `${own(name)}, and more`)
  here.report(copies)
  await until('it goes again', () => here.losses.held() === null)
  expect(here.ledger.countSuspects('runs', 0)).toEqual({ lost: 0, changed: 0 })
})

test('mass-change guard: truncated or invalid gzip files do not hide the complete copies of emptied files', async () => {
  const here = setUp(own)
  const zipped = names.flatMap((name, index) => {
    const whole = gzipSync(own(name))
    writeFileSync(here.at(`whole-${name}.gz`), whole)
    // Each is cut one byte later than the last; gzip is recognised by its first two bytes.
    writeFileSync(here.at(`cut-${name}.gz`), whole.subarray(0, Math.min(index + 2, whole.length - 1)))
    writeFileSync(here.at(`odd-${name}.gz`), Buffer.concat([whole.subarray(0, 4), Buffer.alloc(90, index)]))
    return [`cut-${name}.gz`, `odd-${name}.gz`, `whole-${name}.gz`]
  })
  here.empty()
  here.report([...names, ...zipped])
  await until('all contents to be found', () => here.ledger.countSuspects('runs', 0).lost === 0)
  expect(here.losses.held()).toBeNull()
})
