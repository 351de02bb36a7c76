import { closeSync, existsSync, mkdirSync, openSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { DESTINATION, setUp } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

describe('scanner process on a batch source, isocket’s scan cases', () => {
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

  test.each(vectors.scan)('case $name: the marks are set only after all files are sent', async (vector) => {
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
    // Files of a directory with isocket's mark are not known to be at this destination.
    const undecided = vector.DC1.watch ? 3 : undefined
    await until('they await a decision', () => scanner.scanned.get('s')?.marked?.files === undecided)
    await until('the reports say so', () => {
      const phases = scanner.scanned
        .get('s')
        ?.batches.map(({ phase }) => phase)
        .join()
      return phases === (vector.DC1.parse ? 'sent,sent' : 'not-closed,sent')
    })
    await until('it is said once', () => problems().join() === notClosed.join())
  })
})

describe('scanner process on a batch source', () => {
  test('waiting files outside the batch directories are withdrawn', { tags: 'story' }, async () => {
    const { root, ledger, configure, paths } = setUp({ kind: 'batch', batch: { prefix: 'DC' } })
    const names = ['beside', 'XX1/other', 'DC1/one', 'DC1/x.tmp', 'DC1/finished.parse']
    const facts = { size: 0, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n }
    ledger.offer(
      DESTINATION,
      names.map((name) => ({ source: 's', path: name, ...facts })),
    )
    mkdirSync(path.join(root, 'DC1'))
    configure()
    await until('what is no batch is withdrawn', () => paths().join() === 'DC1/one,DC1/x.tmp')
  })

  test('an overtaken directory that is not closed is not marked while it is empty', async () => {
    const { root, configure, paths, sendAll } = setUp({ kind: 'batch' })
    const isMarked = (name: string) => existsSync(path.join(root, name, 'finished.watch'))
    for (const [age, name] of ['DC3', 'DC2', 'DC1'].entries()) {
      mkdirSync(path.join(root, name))
      if (name !== 'DC1') writeFileSync(path.join(root, name, 'file'), '', { mode: 0o644 })
      const at = new Date(Date.now() - age * 10_000)
      utimesSync(path.join(root, name), at, at)
    }
    configure()
    await until('both files are offered', () => paths().join() === 'DC2/file,DC3/file')
    sendAll()
    await until('the other overtaken one is marked', () => isMarked('DC2'))
    expect(isMarked('DC1')).toBe(false)
    writeFileSync(path.join(root, 'DC1/late'), '', { mode: 0o644 })
    await until('the late file is offered', () => paths().includes('DC1/late'))
  })

  test('thirty directories that were not closed properly are reported in a single message beside other problems', {
    tags: 'story',
  }, async () => {
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

  test('files with temporary names in a closed directory are sent, and files held open delay its mark', {
    tags: 'story',
  }, async () => {
    const { root, ledger, scanner, configure, paths, problems, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    mkdirSync(at('.'))
    for (const name of ['data', 'x.tmp', '.holdfast-x', 'y.part', 'z'])
      writeFileSync(at(name), name, { mode: 0o644 })
    const writers = ['y.part', 'z'].map((name) => openSync(at(name), 'a'))
    configure()
    await until('what is whole is offered', () => paths().length === 2)
    expect(paths().sort()).toEqual(['DC1/.holdfast-x', 'DC1/data'])
    writeFileSync(at('finished.parse'), '')
    await until('what was temporary, too', () => paths().length === 3)
    sendAll()
    await scanner.reconcile()
    await until('the one that is held open is named', () => problems().includes('scan.heldOpen'))
    await until('it waits', () => {
      const [batch] = scanner.scanned.get('s')?.batches ?? []
      return batch?.phase === 'closing' && batch.waiting > 0
    })
    expect(existsSync(at('finished.watch'))).toBe(false)
    for (const fd of writers) closeSync(fd)
    await scanner.reconcile()
    await until('both are offered', () => paths().length === 5)
    sendAll()
    await until('it is marked', () => existsSync(at('finished.watch')))
    for (const name of ['data', 'x.tmp', '.holdfast-x', 'y.part', 'z'])
      expect(ledger.lookup(DESTINATION, 's', `DC1/${name}`)?.state, name).toBe('sent')
    await scanner.reconcile()
    await until('nothing is said any more', () => problems().length === 0)
  })

  test('the newest directory is watched live until finished.parse closes it or a newer one replaces it', {
    tags: 'story',
  }, async () => {
    const { root, ledger, configure, paths, batches, sendAll } = setUp({ kind: 'batch' })
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

  test('a directory whose name is not valid UTF-8 is reported, and a name with U+FFFD is accepted', async () => {
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

  test('a directory created after the clock was set back is live until it is closed', {
    tags: 'story',
  }, async () => {
    const { root, configure, scanner, paths, batches, sendAll } = setUp({ kind: 'batch' })
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
})
