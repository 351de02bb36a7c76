import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { workerEnvironment } from '../../../core/agent/worker-starter.ts'
import { openLedger } from '../../../core/send/ledger.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { canMount, mountHung } from '../../support/mounts.ts'
import { limitedWatches } from '../../support/scan-bursts.ts'
import type { ScannerProcess } from '../../support/scan-worker.ts'
import { startScannerProcess } from '../../support/scan-worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const destination = 'there'

/** A source in a new directory, a real ledger and a real scanner process on it. */
function setUp(settings: Record<string, unknown> = {}, processOptions = {}) {
  const directory = temporaryDirectory('scanner')
  const root = path.join(directory, 'source')
  mkdirSync(root)
  const ledgerPath = path.join(directory, 'ledger.sqlite')
  const ledger = openLedger(ledgerPath)
  onTestFinished(() => ledger.close())
  const scanner = startScannerProcess(processOptions)
  const config = (changes: Record<string, unknown> = {}) => ({
    sources: [sourceSchema.parse({ id: 's', path: root, name: 'source', ...settings, ...changes })],
    ledgerPath,
    destinations: [destination],
    reconcileSeconds: 3600,
    quietSeconds: 0.3,
  })
  const configure = (changes: Record<string, unknown> = {}) => scanner.configure(config(changes))
  const files = () =>
    ledger.files([destination], { source: 's', state: null, before: null, limit: 200 }).files
  return {
    root,
    ledger,
    scanner,
    config,
    configure,
    paths: () =>
      files()
        .map((file) => file.path)
        .toSorted(),
    sizeOf: (name: string) => files().find((file) => file.path === name)?.size,
    /** What a sender does: everything that waits is durable now. */
    sendAll: () => {
      const due = ledger.take(destination, ['s'], 1000, Date.now(), new Set())
      ledger.markSent(
        due.map((file) => ({ ...file, mark: false })),
        Date.now(),
      )
      scanner.nudge()
    },
    phase: () => scanner.scanned.get('s')?.phase,
    problems: () => scanner.scanned.get('s')?.problems.map(({ key }): string => key) ?? [],
  }
}

const watching = (scanner: ScannerProcess) =>
  until('it is watching', () => scanner.scanned.get('s')?.phase === 'watching')

describe('the scanner process on a continuous source', () => {
  test('files of before and after the start are in the ledger, and the sender is called', async () => {
    const { root, scanner, configure, paths } = setUp()
    mkdirSync(path.join(root, 'deep/er'), { recursive: true })
    writeFileSync(path.join(root, 'deep/er/before'), 'before')
    configure()
    await watching(scanner)
    writeFileSync(path.join(root, 'after'), 'after')
    await until('both are offered', () => paths().join() === 'after,deep/er/before')
    await until('the sender was called', () => scanner.nudges() > 0)
    await scanner.stop()
  })

  test('what was sent is not offered again by a restart, a changed file is', async () => {
    const { root, ledger, scanner, configure, paths, sendAll, sizeOf } = setUp()
    for (const name of ['a', 'b']) writeFileSync(path.join(root, name), name)
    configure()
    await until('both are offered', () => paths().join() === 'a,b')
    sendAll()
    await scanner.stop()
    appendFileSync(path.join(root, 'b'), 'more')
    const again = startScannerProcess()
    again.configure({
      sources: [sourceSchema.parse({ id: 's', path: root, name: 'source' })],
      ledgerPath: path.join(root, '../ledger.sqlite'),
      destinations: [destination],
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
    await until('b waits again', () => ledger.lookup(destination, 's', 'b')?.state === 'waiting')
    await watching(again)
    expect(ledger.lookup(destination, 's', 'a')?.state).toBe('sent')
    expect(sizeOf('b')).toBe(5)
  })

  test('a source that vanishes is missing, and is looked at again when it is back', async () => {
    const { root, scanner, configure, paths, phase, problems } = setUp()
    configure()
    await watching(scanner)
    renameSync(root, `${root}-away`)
    await until('it is missing', () => phase() === 'missing')
    expect(problems()).toEqual(['scan.rootMissing'])
    writeFileSync(`${root}-away/meanwhile`, '')
    renameSync(`${root}-away`, root)
    await watching(scanner)
    expect(problems()).toEqual([])
    await until('the file is offered', () => paths().includes('meanwhile'))
    writeFileSync(path.join(root, 'later'), '')
    await until('a later file is offered', () => paths().includes('later'))
  })

  test.skipIf(process.getuid?.() !== 0)(
    'a disk that is mounted on it, and unmounted again (root: mounts)',
    async () => {
      const { root, scanner, config, configure, paths, phase, problems } = setUp()
      configure()
      await watching(scanner)
      const mount = () => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'holdfast-test', root])
      mount()
      // Lazily: the scanner may be looking at it in this moment.
      const unmount = () => execFileSync('umount', ['-l', root], { stdio: 'ignore' })
      let mounted = true
      try {
        writeFileSync(path.join(root, 'mounted'), '')
        await until('the file on the disk is offered', () => paths().includes('mounted'))
        writeFileSync(path.join(root, 'live'), '')
        await until('a later one too', () => paths().includes('live'))
        unmount()
        mounted = false
        writeFileSync(path.join(root, 'underneath'), '')
        await until('it is missing', () => phase() === 'missing')
        expect(problems()).toEqual(['scan.diskMissing'])
        // Another scanner, which has never seen the disk, knows it from the ledger.
        await scanner.stop()
        const again = startScannerProcess()
        again.configure(config())
        await until('it is missing still', () => again.scanned.get('s')?.phase === 'missing')
        await again.reconcile()
        mount()
        mounted = true
        writeFileSync(path.join(root, 'back'), '')
        await until('the disk is back', () => paths().includes('back'))
        expect(paths()).toEqual(['back', 'live', 'mounted'])
      } finally {
        if (mounted) unmount()
      }
    },
  )

  test('a ledger that cannot be opened at the start is said, and opened once it can be', async () => {
    const { root, scanner, config, phase, problems } = setUp()
    const away = path.join(root, '../away')
    writeFileSync(away, 'a file where the directory of the ledger should be')
    scanner.configure({ ...config(), ledgerPath: path.join(away, 'ledger.sqlite') })
    await until('it has failed', () => phase() === 'failed')
    expect(problems()).toEqual(['transfer.ledgerFailed'])
    rmSync(away)
    await watching(scanner)
    expect(problems()).toEqual([])
  })

  test('a paused source is not watched; resumed, it is compared', async () => {
    const { root, scanner, configure, paths, phase } = setUp()
    configure({ paused: true })
    await until('it is paused', () => phase() === 'paused')
    writeFileSync(path.join(root, 'a'), 'a')
    await scanner.reconcile()
    expect(paths()).toEqual([])
    configure()
    await until('a is offered', () => paths().join() === 'a')
    await until('it is told', () => phase() === 'watching')
  })

  test('a source that is a file is refused in words', async () => {
    const { root, configure, phase, problems } = setUp()
    rmSync(root, { recursive: true })
    writeFileSync(root, '')
    configure()
    await until('it failed', () => phase() === 'failed')
    expect(problems()).toEqual(['scan.rootNotDirectory'])
  })

  test('a name that is not UTF-8 is told once, the other files go on', async () => {
    const { root, scanner, configure, paths, problems } = setUp()
    writeFileSync(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff])]), 'x')
    writeFileSync(path.join(root, '\uFFFD is a name too'), 'x')
    configure()
    await watching(scanner)
    await until('the other is offered', () => paths().length === 1)
    await scanner.reconcile()
    expect(paths()).toEqual(['\uFFFD is a name too'])
    await until('it is told', () => problems().join() === 'scan.nameNotUtf8')
  })

  test.skipIf(process.getuid?.() !== 0)(
    'an unreadable file and directory are told (root: as another user)',
    async () => {
      const launcher = path.join(temporaryDirectory('launch'), 'node-as-nobody')
      writeFileSync(
        launcher,
        `#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups ${process.execPath} "$@"\n`,
        { mode: 0o755 },
      )
      chmodSync(path.dirname(launcher), 0o755)
      const { root, scanner, configure, paths, problems } = setUp({}, { execPath: launcher })
      execFileSync('chmod', ['-R', 'a+rwX', path.dirname(root)])
      writeFileSync(path.join(root, 'closed'), 'x', { mode: 0o000 })
      mkdirSync(path.join(root, 'locked'), { mode: 0o000 })
      writeFileSync(path.join(root, 'open'), 'x', { mode: 0o644 })
      configure()
      // Somebody else's file: no lease may be taken on it, so the quiet period decides.
      await until('the readable one is offered', () => paths().join() === 'open')
      await until('both are told', () =>
        ['scan.fileUnreadable', 'scan.directoryUnreadable'].every((key) => problems().includes(key)),
      )
      expect(scanner.scanned.get('s')?.phase).toBe('watching')
    },
  )

  test('the kernel’s queue overflows while the process stands still: every file is found all the same', async () => {
    const { root, ledger, scanner, configure } = setUp()
    for (let index = 0; index < 20; index += 1) mkdirSync(path.join(root, `d${index}`))
    configure()
    await watching(scanner)
    const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
    // Each file is two events at least.
    const count = Math.ceil(limit / 2) + 500
    process.kill(scanner.pid, 'SIGSTOP')
    try {
      for (let index = 0; index < count; index += 1) {
        writeFileSync(path.join(root, `d${index % 20}/f${index}`), '')
      }
      mkdirSync(path.join(root, 'last'))
      writeFileSync(path.join(root, 'last/one'), '')
    } finally {
      process.kill(scanner.pid, 'SIGCONT')
    }
    await until('all are offered', () => ledger.totals(destination).s?.waitingFiles === count + 1, 40_000)
    // Directories whose creation was lost are watched too.
    writeFileSync(path.join(root, 'last/another'), '')
    await until('a later one is offered', () => ledger.lookup(destination, 's', 'last/another') !== null)
  })

  test('at the watch limit the rest is polled, counted and told', async () => {
    const { root, scanner, configure, paths, problems } = setUp({}, limitedWatches(20))
    for (let index = 0; index < 60; index += 1) mkdirSync(path.join(root, `d${index}`))
    configure()
    await watching(scanner)
    await until('it is told', () => problems().includes('scan.watchLimit'))
    expect(scanner.scanned.get('s')?.unwatchedDirectories).toBe(41)
    for (let index = 0; index < 60; index += 1) writeFileSync(path.join(root, `d${index}/f`), '')
    mkdirSync(path.join(root, 'd59/new'))
    writeFileSync(path.join(root, 'd59/new/g'), '')
    await until('all are offered', () => paths().length === 61, 20_000)
  })
})

describe('the scanner process on a batch source (isocket’s scan cases)', () => {
  const vectors = JSON.parse(
    readFileSync(path.join(import.meta.dirname, '../../vectors/isocket.json'), 'utf8'),
  ) as {
    scan: {
      name: string
      DC1: { parse: boolean; watch: boolean }
      DC2: { parse: boolean; watch: boolean }
      listed: string[]
      marksAfter: string[]
    }[]
  }

  test.each(vectors.scan)('$name', async (vector) => {
    const { root, scanner, configure, paths, problems, sendAll } = setUp({
      kind: 'batch',
      batch: { prefix: 'DC' },
    })
    mkdirSync(path.join(root, 'other'))
    writeFileSync(path.join(root, 'other/file0'), '')
    for (const name of ['DC1', 'DC2'] as const) {
      mkdirSync(path.join(root, name))
      for (const file of ['file0', 'file1', 'file2']) {
        writeFileSync(path.join(root, name, file), name, { mode: 0o644 })
      }
      if (vector[name].parse) writeFileSync(path.join(root, name, 'finished.parse'), '')
      if (vector[name].watch) writeFileSync(path.join(root, name, 'finished.watch'), '')
    }
    const unmarked = vector.marksAfter.filter((mark) => !existsSync(path.join(root, mark)))
    expect(unmarked).not.toEqual([])
    configure()
    await until('all are offered', () => paths().join() === vector.listed.join())
    await scanner.reconcile()
    // Listed is not sent: no mark before the last file is durable.
    for (const mark of unmarked) expect(existsSync(path.join(root, mark))).toBe(false)
    sendAll()
    await until('the marks are there', () =>
      vector.marksAfter.every((mark) => existsSync(path.join(root, mark))),
    )
    expect(paths()).toEqual(vector.listed)
    const notClosed = vector.DC1.parse ? [] : ['scan.notClosed']
    await until('the reports say so', () => {
      const phases = scanner.scanned
        .get('s')
        ?.batches.map(({ phase }) => phase)
        .join()
      return phases === (vector.DC1.parse ? 'sent,sent' : 'not-closed,sent')
    })
    await until('it is said once', () => problems().join() === notClosed.join())
  })

  test('the newest is watched live; finished.parse ends it; a newer one takes its place', async () => {
    const { root, ledger, scanner, configure, paths, sendAll } = setUp({ kind: 'batch' })
    const batches = () =>
      scanner.scanned
        .get('s')
        ?.batches.map(({ name, phase }) => `${name} ${phase}`)
        .join()
    mkdirSync(path.join(root, 'DC1/sub'), { recursive: true })
    writeFileSync(path.join(root, 'DC1/before'), '', { mode: 0o644 })
    configure()
    await until('DC1 is live', () => batches() === 'DC1 live')
    writeFileSync(path.join(root, 'DC1/sub/live'), '', { mode: 0o644 })
    await until('its files are offered', () => paths().join() === 'DC1/before,DC1/sub/live')
    mkdirSync(path.join(root, 'DC2'))
    writeFileSync(path.join(root, 'DC2/a'), '', { mode: 0o644 })
    await until('DC2 is noticed', () => batches() === 'DC1 waiting,DC2 live')
    await until('its file is offered', () => paths().includes('DC2/a'))
    sendAll()
    await until('DC1 is marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
    await until('and told', () => batches() === 'DC1 not-closed,DC2 live')
    writeFileSync(path.join(root, 'DC2/finished.parse'), '')
    await until('DC2 is marked', () => existsSync(path.join(root, 'DC2/finished.watch')))
    await until('and told', () => batches() === 'DC1 not-closed,DC2 sent')
    expect(ledger.totals(destination).s?.sentFiles).toBe(3)
  })

  test('the group-write bit: never offered, until the content of a known file changes', async () => {
    const { root, ledger, scanner, configure, paths, sendAll } = setUp({ kind: 'batch' })
    mkdirSync(path.join(root, 'DC1'))
    const file = (name: string) => path.join(root, 'DC1', name)
    for (const name of ['transferred', 'fresh']) writeFileSync(file(name), name)
    chmodSync(file('transferred'), 0o664)
    chmodSync(file('fresh'), 0o644)
    configure()
    await until('the other is offered', () => paths().join() === 'DC1/fresh')
    sendAll()
    chmodSync(file('fresh'), 0o664)
    await scanner.reconcile()
    expect(ledger.lookup(destination, 's', 'DC1/fresh')?.state).toBe('sent')
    appendFileSync(file('fresh'), 'changed')
    await until('it waits again', () => ledger.lookup(destination, 's', 'DC1/fresh')?.state === 'waiting')
    expect(paths()).toEqual(['DC1/fresh'])
  })

  test('files that have the group-write bit from their producer count as sent, and that is said', async () => {
    const { root, scanner, configure, paths, problems, sendAll } = setUp({ kind: 'batch' })
    mkdirSync(path.join(root, 'DC1'))
    for (const name of ['one', 'two', 'usual']) {
      writeFileSync(path.join(root, 'DC1', name), name)
      chmodSync(path.join(root, 'DC1', name), name === 'usual' ? 0o644 : 0o664)
    }
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    configure()
    await until('the usual one is offered', () => paths().join() === 'DC1/usual')
    expect(problems()).toEqual([])
    sendAll()
    await until('it is marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
    await until('it is said', () => problems().join() === 'scan.neverSent')
    await scanner.reconcile()
    expect(scanner.scanned.get('s')?.problems).toMatchObject([
      { key: 'scan.neverSent', params: { path: path.join(root, 'DC1'), count: 2 } },
    ])
  })

  test('a file that is renamed after it was sent and marked is sent again when it is changed, and only then', async () => {
    const { root, ledger, scanner, configure, paths, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    const stateOf = (name: string) => ledger.lookup(destination, 's', `DC1/${name}`)?.state
    mkdirSync(at('sub'), { recursive: true })
    for (const name of ['log', 'still', 'sleeping']) writeFileSync(at(name), name, { mode: 0o644 })
    configure()
    await until('all are offered', () => paths().length === 3)
    sendAll()
    for (const name of ['log', 'still', 'sleeping']) chmodSync(at(name), 0o664)
    renameSync(at('log'), at('log.1'))
    renameSync(at('still'), at('sub/still'))
    await until('they are known by their new names', () => stateOf('log.1') === 'sent')
    // Nothing but the ledger's line of the new name tells of it after that.
    writeFileSync(at('log'), 'a new one', { mode: 0o644 })
    await until('the new one waits', () => stateOf('log') === 'waiting')
    appendFileSync(at('log.1'), ' and more')
    await until('the old one waits again', () => stateOf('log.1') === 'waiting')
    expect(stateOf('sub/still')).toBe('sent')
    sendAll()
    await scanner.stop()

    renameSync(at('sleeping'), at('sub/awake'))
    appendFileSync(at('sub/awake'), ' changed')
    const again = startScannerProcess()
    again.configure({
      sources: [sourceSchema.parse({ id: 's', path: root, name: 'source', kind: 'batch' })],
      ledgerPath: path.join(root, '../ledger.sqlite'),
      destinations: [destination],
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
    await until('what was renamed and changed meanwhile waits', () => stateOf('sub/awake') === 'waiting')
    expect(['log', 'log.1', 'sub/still'].map(stateOf)).toEqual(['sent', 'sent', 'sent'])
  })

  test('a file that is being written keeps finished.watch back', async () => {
    const { root, configure, scanner, paths, sendAll } = setUp({ kind: 'batch' })
    mkdirSync(path.join(root, 'DC1'))
    const writer = openForWriting(path.join(root, 'DC1/slow'))
    writeFileSync(path.join(root, 'DC1/quick'), '', { mode: 0o644 })
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    configure()
    await until('the finished one is offered', () => paths().join() === 'DC1/quick')
    sendAll()
    await scanner.reconcile()
    await scanner.reconcile()
    expect(existsSync(path.join(root, 'DC1/finished.watch'))).toBe(false)
    writer.finish()
    await until('the slow one is offered', () => paths().includes('DC1/slow'))
    expect(existsSync(path.join(root, 'DC1/finished.watch'))).toBe(false)
    sendAll()
    await until('marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
  })
})

function openForWriting(file: string) {
  const fd = openSync(file, 'w', 0o644)
  writeSync(fd, 'half')
  return {
    finish: () => {
      writeSync(fd, 'whole')
      closeSync(fd)
    },
  }
}

describe.skipIf(!canMount)('sources on disks that hang (needs root: mounts)', () => {
  test('twenty of them, looked at again and again, leave a healthy one going', async () => {
    const { root, ledger, scanner } = setUp({}, { env: workerEnvironment('scanner', process.env) })
    const sources = [sourceSchema.parse({ id: 's', path: root, name: 'source' })]
    for (let index = 0; index < 20; index += 1) {
      const { point } = await mountHung(onTestFinished)
      sources.push(sourceSchema.parse({ id: `hung-${index}`, path: point, name: `hung-${index}` }))
    }
    const ledgerPath = path.join(root, '../ledger.sqlite')
    const configure = (paused: boolean) =>
      scanner.configure({
        sources: sources.map((source) => ({ ...source, paused: paused && source.id !== 's' })),
        ledgerPath,
        destinations: [destination],
        reconcileSeconds: 5,
        quietSeconds: 0.3,
      })
    // Each resumption looks again at a directory that has not answered the looks before.
    for (let round = 0; round < 30; round += 1) {
      configure(false)
      configure(true)
    }
    configure(false)
    await watching(scanner)
    for (let index = 0; index < 300; index += 1) writeFileSync(path.join(root, `file-${index}`), '')
    await until('its files are offered', () => ledger.totals(destination).s?.waitingFiles === 300, 20_000)
  })
})
