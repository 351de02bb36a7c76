// @module-tag story
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { setUp } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

describe('scanner process: mark of a batch directory', () => {
  test('a directory whose mark is removed at once is marked again', async () => {
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

  test('an overtaken directory is not marked while a file with a temporary name is written in it', async () => {
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
    await until('what was left behind is offered', () => paths().length === 2)
    expect(paths().sort()).toEqual(['DC1/left-behind.tmp', 'DC2/left-behind.tmp'])
    sendAll()
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
    await until('it is offered', () => paths().includes('DC1/big'))
    sendAll()
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    await until('marked', () => isMarked('DC1'))
  })

  test('a file that is being written delays finished.watch and is reported until it is closed', async () => {
    const { root, configure, scanner, paths, problems, sendAll } = setUp({ kind: 'batch' })
    mkdirSync(path.join(root, 'DC1'))
    const writer = openForWriting(path.join(root, 'DC1/slow'))
    writeFileSync(path.join(root, 'DC1/quick'), '', { mode: 0o644 })
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    configure()
    await until('the finished one is offered', () => paths().join() === 'DC1/quick')
    sendAll()
    await scanner.reconcile()
    await scanner.reconcile()
    await until('it is named', () => problems().join() === 'scan.heldOpen')
    expect(existsSync(path.join(root, 'DC1/finished.watch'))).toBe(false)
    writer.finish()
    await until('the slow one is offered', () => paths().includes('DC1/slow'))
    expect(existsSync(path.join(root, 'DC1/finished.watch'))).toBe(false)
    sendAll()
    await until('marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
    await until('nothing is said any more', () => problems().length === 0)
  })

  test('a closed directory with excluded files or without files is reported, also by a new session', async () => {
    const set = setUp({ kind: 'batch', ignore: ['*.log'] })
    const { root, scanner, config, configure, paths, messages, sendAll } = set
    for (const name of ['DC1', 'DC2']) mkdirSync(path.join(root, name))
    for (const name of ['data', 'a.log', 'b.log'])
      writeFileSync(path.join(root, 'DC1', name), name, { mode: 0o644 })
    for (const name of ['DC1', 'DC2']) writeFileSync(path.join(root, name, 'finished.parse'), '')
    configure()
    await until('the file is offered', () => paths().join() === 'DC1/data')
    sendAll()
    await until('both are marked', () =>
      ['DC1', 'DC2'].every((name) => existsSync(path.join(root, name, 'finished.watch'))),
    )
    const told = () => messages().map(({ key, params }) => `${key} ${params.path} ${params.count ?? ''}`)
    const wanted = [`scan.emptyBatch ${root}/DC2 `, `scan.leftInBatch ${root}/DC1 2`]
    await until('both are told', () => told().sort().join() === wanted.join())
    // Another session of the source, which looks into neither.
    scanner.scanned.clear()
    scanner.configure(config({ hidden: 'leave-out' }))
    await until('both are told again', () => told().sort().join() === wanted.join())
    await scanner.reconcile()
    expect(told().sort()).toEqual(wanted)
    rmSync(path.join(root, 'DC1'), { recursive: true })
    rmSync(path.join(root, 'DC2'), { recursive: true })
    await until('both to be gone', () => scanner.scanned.get('s')?.batches.length === 0)
    await scanner.reconcile()
    await until('nothing to be told', () => told().length === 0)
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
