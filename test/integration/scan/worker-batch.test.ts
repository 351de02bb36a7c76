import { once } from 'node:events'
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
  utimesSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { DESTINATION, setUp } from '../../support/scan-set-up.ts'
import { startScannerProcess } from '../../support/scan-worker.ts'
import { until } from '../../support/until.ts'

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

  test('thirty that were not closed properly are one sentence, said once, beside what else is wrong', async () => {
    const { root, scanner, configure, messages, watching } = setUp({ kind: 'batch' })
    for (let number = 10; number < 40; number += 1) {
      mkdirSync(path.join(root, `DC${number}`))
      writeFileSync(path.join(root, `DC${number}`, 'finished.watch'), '')
      utimesSync(path.join(root, `DC${number}`), 1_700_000_000 + number, 1_700_000_000 + number)
    }
    mkdirSync(path.join(root, 'live'))
    writeFileSync(Buffer.concat([Buffer.from(`${root}/live/bad`), Buffer.from([0xff])]), '')
    configure()
    await watching()
    const said = () => messages().map(({ key, params }) => `${key} ${params.count ?? ''}`)
    await until('both are said', () => said().length === 2)
    for (let count = 0; count < 3; count += 1) await scanner.reconcile()
    expect(said().sort()).toEqual(['scan.nameNotUtf8 ', 'scan.notClosed 30'])
    const names = messages().find(({ key }) => key === 'scan.notClosed')?.params.names
    expect(names).toBe('DC39, DC38, DC37, DC36, DC35, …')
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
    expect(ledger.totals(DESTINATION).s?.sentFiles).toBe(3)
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
    expect(ledger.lookup(DESTINATION, 's', 'DC1/fresh')?.state).toBe('sent')
    appendFileSync(file('fresh'), 'changed')
    await until('it waits again', () => ledger.lookup(DESTINATION, 's', 'DC1/fresh')?.state === 'waiting')
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
    // Another directory that takes the name later has nothing to do with it.
    rmSync(path.join(root, 'DC1'), { recursive: true })
    await until('it to be gone', () => scanner.scanned.get('s')?.batches.length === 0)
    mkdirSync(path.join(root, 'DC1'))
    await until('the other one', () => scanner.scanned.get('s')?.batches.length === 1)
    await scanner.reconcile()
    await until('it is not said of it', () => problems().length === 0)
  })

  test('and not any more once the bit was cleared, and its directory marked anew', async () => {
    const { root, scanner, configure, paths, problems, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    mkdirSync(at('.'))
    writeFileSync(at('one'), 'one')
    chmodSync(at('one'), 0o664)
    writeFileSync(at('finished.parse'), '')
    configure()
    await until('it is said', () => problems().join() === 'scan.neverSent')
    chmodSync(at('one'), 0o644)
    rmSync(at('finished.watch'))
    await scanner.reconcile()
    await until('it is offered', () => paths().join() === 'DC1/one')
    sendAll()
    await until('it is marked', () => existsSync(at('finished.watch')))
    await scanner.reconcile()
    await until('nothing is said', () => problems().length === 0)
  })

  test('a directory whose mark is removed as soon as it is there is marked again', async () => {
    const { root, configure, paths, scanner, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    mkdirSync(at('.'))
    writeFileSync(at('one'), 'one', { mode: 0o644 })
    writeFileSync(at('finished.parse'), '')
    const marks = watch(at('.'), (_event, name) => {
      if (name !== 'finished.watch' || !existsSync(at(name))) return
      marks.close()
      rmSync(at(name))
    })
    onTestFinished(() => marks.close())
    configure()
    await until('it is offered', () => paths().join() === 'DC1/one')
    const gone = once(marks, 'close')
    sendAll()
    await gone
    await scanner.reconcile()
    await until('it is marked again', () => existsSync(at('finished.watch')))
  })

  test('a file that is renamed after it was sent and marked is sent again when it is changed, and only then', async () => {
    const { root, ledger, scanner, configure, paths, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    const stateOf = (name: string) => ledger.lookup(DESTINATION, 's', `DC1/${name}`)?.state
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
      destinations: [DESTINATION],
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
    await until('what was renamed and changed meanwhile waits', () => stateOf('sub/awake') === 'waiting')
    expect(['log', 'log.1', 'sub/still'].map(stateOf)).toEqual(['sent', 'sent', 'sent'])
  })

  test('a directory whose name is not valid UTF-8 is told; one that has U+FFFD in its name is sent', async () => {
    const { root, scanner, configure, paths, problems } = setUp({ kind: 'batch', batch: { prefix: 'DC' } })
    const broken = Buffer.concat([Buffer.from(path.join(root, 'DC')), Buffer.from([0xff])])
    for (const directory of [broken, path.join(root, 'DC-\uFFFD')]) mkdirSync(directory)
    writeFileSync(path.join(root, 'DC-\uFFFD/file'), 'file', { mode: 0o644 })
    configure()
    await until('the other one to be offered', () => paths().join() === 'DC-\uFFFD/file')
    await until('it to be told', () => problems().join() === 'scan.nameNotUtf8')
    await scanner.reconcile()
    expect(problems()).toEqual(['scan.nameNotUtf8'])
  })

  test('a directory that is made after the clock was set back is live while it is filled', async () => {
    const { root, configure, scanner, paths, sendAll } = setUp({ kind: 'batch' })
    const batches = () =>
      scanner.scanned
        .get('s')
        ?.batches.map(({ name, phase }) => `${name} ${phase}`)
        .join()
    mkdirSync(path.join(root, 'DC1'))
    const ahead = new Date(Date.now() + 3_600_000)
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    configure()
    await until('the first is done', () => batches() === 'DC1 sent')
    // As if the hour had passed while it was filled.
    for (const name of ['DC1', 'DC1/finished.parse', 'DC1/finished.watch'])
      utimesSync(path.join(root, name), ahead, ahead)
    mkdirSync(path.join(root, 'DC2'))
    writeFileSync(path.join(root, 'DC2/a'), '', { mode: 0o644 })
    await until('its file is offered', () => paths().join() === 'DC2/a')
    sendAll()
    await scanner.reconcile()
    await until('the other is live', () => batches() === 'DC2 live,DC1 sent')
    writeFileSync(path.join(root, 'DC2/finished.parse'), '')
    await until('it is marked when it is closed', () => existsSync(path.join(root, 'DC2/finished.watch')))
  })

  test('an overtaken directory has no mark while a file with a temporary name is written in it', async () => {
    const { root, configure, scanner, paths, sendAll } = setUp({ kind: 'batch' })
    const isMarked = (name: string) => existsSync(path.join(root, name, 'finished.watch'))
    const long = 1_700_000_000
    for (const name of ['DC1', 'DC2']) {
      mkdirSync(path.join(root, name))
      writeFileSync(path.join(root, name, 'left-behind.tmp'), '')
      utimesSync(path.join(root, name, 'left-behind.tmp'), long, long)
    }
    const writer = openForWriting(path.join(root, 'DC1/big.part'))
    utimesSync(path.join(root, 'DC1/big.part'), long, long)
    configure()
    mkdirSync(path.join(root, 'DC3'))
    await until('the other one that was overtaken is marked', () => isMarked('DC2'))
    await scanner.reconcile()
    await scanner.reconcile()
    expect(isMarked('DC1')).toBe(false)
    // Once, however often it is found.
    expect(scanner.logged.filter((line) => line.includes('being written'))).toEqual([
      'DC1/big.part is being written: DC1 is not marked before it has its name',
    ])
    writer.finish()
    renameSync(path.join(root, 'DC1/big.part'), path.join(root, 'DC1/big'))
    await until('it is offered', () => paths().join() === 'DC1/big')
    sendAll()
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    await until('marked', () => isMarked('DC1'))
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
