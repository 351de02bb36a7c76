import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { letOthersIn } from '../../support/faults/ordinary-user.ts'
import { limitedWatches } from '../../support/scan/bursts.ts'
import { DESTINATION, setUp, watching } from '../../support/scan/set-up.ts'
import { startScannerProcess } from '../../support/scan/worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe('scanner process on a continuous source', () => {
  test('files from before and after the start are offered, and the sender is notified', {
    tags: 'story',
  }, async () => {
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

  test('a sent file is not offered again after a restart unless it changed', { tags: 'story' }, async () => {
    const { root, ledger, scanner, configure, paths, sendAll, findSize } = setUp()
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
      destinations: [DESTINATION],
      ...defaultSettings.scan,
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
    await until('b waits again', () => ledger.lookup(DESTINATION, 's', 'b')?.state === 'waiting')
    await watching(again)
    expect(ledger.lookup(DESTINATION, 's', 'a')?.state).toBe('sent')
    expect(findSize('b')).toBe(5)
  })

  test('a source that vanishes is reported as missing, and its new files are offered when it returns', async () => {
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
    'files of a disk mounted on the source are offered, and files underneath are not (needs root: mounts)',
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
        expect(paths()).toEqual(['live', 'mounted'])
        // An empty disk takes its place: what waits of the first is not there.
        mount()
        mounted = true
        writeFileSync(path.join(root, 'back'), '')
        await until('only the file of the new disk waits', () => paths().join() === 'back')
      } finally {
        if (mounted) unmount()
      }
    },
  )

  test('a ledger that cannot be opened at the start is reported and opened once it can be', {
    tags: 'story',
  }, async () => {
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

  test.skipIf(process.getuid?.() !== 0)(
    'files written while the ledger’s disk is full are offered once it has room (needs root: mounts)',
    async () => {
      const { root, scanner, config, problems } = setUp()
      const data = temporaryDirectory('full')
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'holdfast-test', data])
      onTestFinished(() => void execFileSync('umount', ['-l', data]))
      const ledgerPath = path.join(data, 'ledger.db')
      scanner.configure({ ...config(), ledgerPath })
      await watching(scanner)
      const ledger = openLedger(ledgerPath)
      onTestFinished(() => ledger.close())
      const fill = path.join(data, 'fill')
      expect(() => writeFileSync(fill, Buffer.alloc(4 << 20))).toThrow('ENOSPC')
      for (let count = 0; count < 300; count += 1)
        writeFileSync(path.join(root, `${'long'.repeat(50)}-${count}`), 'x')
      await until('it is said', () => problems().includes('scan.ledgerFailed'))
      rmSync(fill)
      await until('all are offered', () => ledger.totals(DESTINATION).s?.waitingFiles === 300)
    },
  )

  test('a paused source is not watched, and its files are offered after it is resumed', {
    tags: 'story',
  }, async () => {
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

  test('a source that is a file fails with the reason', { tags: 'story' }, async () => {
    const { root, configure, phase, problems } = setUp()
    rmSync(root, { recursive: true })
    writeFileSync(root, '')
    configure()
    await until('it failed', () => phase() === 'failed')
    expect(problems()).toEqual(['scan.rootNotDirectory'])
  })

  test('a name that is not UTF-8 is reported, and other files are offered', async () => {
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
    'an unreadable file and directory are reported, and readable files are offered (needs root: another user)',
    { tags: 'story' },
    async () => {
      const launcher = path.join(temporaryDirectory('launch'), 'node-as-nobody')
      writeFileSync(
        launcher,
        `#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups ${process.execPath} "$@"\n`,
        { mode: 0o755 },
      )
      chmodSync(path.dirname(launcher), 0o755)
      letOthersIn(process.execPath)
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
      await until('it watches', () => scanner.scanned.get('s')?.phase === 'watching')
    },
  )

  test('files written during a queue overflow while the process is stopped are all offered', async () => {
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
    await until('all are offered', () => ledger.totals(DESTINATION).s?.waitingFiles === count + 1)
    // Directories whose creation was lost are watched too.
    writeFileSync(path.join(root, 'last/another'), '')
    await until('a later one is offered', () => ledger.lookup(DESTINATION, 's', 'last/another') !== null)
  })

  test('only the directories beyond the watch limit are polled, and their number is reported', async () => {
    const { root, scanner, configure, paths, messages, watching } = setUp({}, limitedWatches(20))
    for (let index = 0; index < 60; index += 1) mkdirSync(path.join(root, `d${index}`))
    configure()
    await watching()
    // The source itself has a watch, too.
    const limit = { key: 'scan.watchLimitPart', params: { path: root, count: 41 } }
    await until('it is told', () => messages().length > 0)
    expect(messages()).toEqual([limit])
    for (let index = 0; index < 60; index += 1) writeFileSync(path.join(root, `d${index}/f`), '')
    mkdirSync(path.join(root, 'd59/new'))
    writeFileSync(path.join(root, 'd59/new/g'), '')
    await until('all are offered', () => paths().length === 61)
    // What a comparison forgets that it does not meet again is met again.
    await scanner.reconcile()
    await watching()
    expect(messages()).toMatchObject([{ key: limit.key }])
  })

  test('a tree that outgrows the watch limit is polled in part, and watched again once it fits', async () => {
    const { root, scanner, configure, paths, problems, watching } = setUp({}, limitedWatches(10))
    configure()
    await watching()
    for (let index = 0; index < 20; index += 1) mkdirSync(path.join(root, `d${index}`))
    writeFileSync(path.join(root, 'd19/f'), '')
    await until('it is told', () => problems().includes('scan.watchLimitPart'))
    await until('all are offered', () => paths().join() === 'd19/f')
    const fd = openSync(path.join(root, 'd0/open'), 'w')
    writeFileSync(path.join(root, 'd0/whole'), '')
    await until('what is whole is offered', () => paths().includes('d0/whole'))
    await delay(1_000)
    expect(paths()).not.toContain('d0/open')
    closeSync(fd)
    await until('it is offered when it is closed', () => paths().includes('d0/open'))
    for (let index = 0; index < 20; index += 1) rmSync(path.join(root, `d${index}`), { recursive: true })
    await scanner.reconcile()
    await until('nothing is told any more', () => problems().length === 0)
    await watching()
  })
})
