import { appendFileSync, chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { DESTINATION, setUp } from '../../support/scan/set-up.ts'
import { startScannerProcess } from '../../support/scan/worker.ts'
import { until } from '../../support/until.ts'

describe('scanner process: files with the group-write bit in a batch source', () => {
  test('an older file with the bit is not offered, and a sent file with the bit is offered when it changes', async () => {
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
    await until('its new mode waits', () => ledger.lookup(DESTINATION, 's', 'DC1/fresh')?.state === 'waiting')
    sendAll()
    appendFileSync(file('fresh'), 'changed')
    await until('it waits again', () => ledger.lookup(DESTINATION, 's', 'DC1/fresh')?.state === 'waiting')
    expect(paths()).toEqual(['DC1/fresh'])
  })

  test('older files with the bit wait for a decision again in another session and another process', async () => {
    const { root, scanner, config } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    mkdirSync(at('.'))
    for (const name of ['one', 'two', 'finished.parse']) writeFileSync(at(name), name)
    for (const name of ['one', 'two']) chmodSync(at(name), 0o664)
    const asked = (one: typeof scanner) => one.scanned.get('s')?.marked?.files
    scanner.configure(config())
    await until('it is asked', () => asked(scanner) === 2)
    // Another session of the source, in the same process.
    scanner.scanned.clear()
    scanner.configure(config({ hidden: 'leave-out' }))
    await until('it is asked again', () => asked(scanner) === 2)
    await scanner.stop()

    const again = startScannerProcess()
    again.configure(config())
    await until('it is asked by another process', () => asked(again) === 2)
    for (const name of ['one', 'two']) rmSync(at(name))
    await again.reconcile()
    await until('it is marked', () => existsSync(at('finished.watch')))
    await until('nothing is asked any more', () => again.scanned.get('s')?.marked === null)
  })

  test('older files with the bit are not reported as none while 20,000 of them are listed', async () => {
    const { root, scanner, configure } = setUp({ kind: 'batch' })
    mkdirSync(path.join(root, 'DC1'))
    for (let index = 0; index < 20_000; index += 1)
      writeFileSync(path.join(root, 'DC1', `file-${index}`), '', { mode: 0o600 })
    for (let index = 0; index < 20_000; index += 1) chmodSync(path.join(root, 'DC1', `file-${index}`), 0o660)
    const reports: unknown[] = []
    const set = scanner.scanned.set.bind(scanner.scanned)
    scanner.scanned.set = (id, one) => {
      reports.push(one.marked)
      return set(id, one)
    }
    configure()
    await until('all are counted', () => scanner.scanned.get('s')?.marked?.files === 20_000)
    expect(reports).not.toContain(null)
  })

  test('an older file with the bit is offered once the bit is cleared', async () => {
    const { root, scanner, configure, paths, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    mkdirSync(at('.'))
    writeFileSync(at('one'), 'one')
    chmodSync(at('one'), 0o664)
    writeFileSync(at('finished.parse'), '')
    configure()
    await until('it is asked', () => scanner.scanned.get('s')?.marked?.files === 1)
    chmodSync(at('one'), 0o644)
    await scanner.reconcile()
    await until('it is offered', () => paths().join() === 'DC1/one')
    sendAll()
    await until('it is marked', () => existsSync(at('finished.watch')))
    await until('nothing is asked', () => scanner.scanned.get('s')?.marked === null)
  })

  test('a sent and marked file that is renamed is offered again only when it changes', async () => {
    const { root, ledger, scanner, configure, paths, sendAll } = setUp({ kind: 'batch' })
    const at = (name: string) => path.join(root, 'DC1', name)
    const getState = (name: string) => ledger.lookup(DESTINATION, 's', `DC1/${name}`)?.state
    mkdirSync(at('sub'), { recursive: true })
    for (const name of ['log', 'still', 'sleeping']) writeFileSync(at(name), name, { mode: 0o644 })
    configure()
    await until('all are offered', () => paths().length === 3)
    sendAll()
    for (const name of ['log', 'still', 'sleeping']) chmodSync(at(name), 0o664)
    renameSync(at('log'), at('log.1'))
    renameSync(at('still'), at('sub/still'))
    await until('they are known by their new names', () => getState('log.1') === 'sent')
    // Nothing but the ledger's line of the new name tells of it after that.
    writeFileSync(at('log'), 'a new one', { mode: 0o644 })
    await until('the new one waits', () => getState('log') === 'waiting')
    appendFileSync(at('log.1'), ' and more')
    await until('the old one waits again', () => getState('log.1') === 'waiting')
    expect(getState('sub/still')).toBe('sent')
    sendAll()
    await scanner.stop()

    renameSync(at('sleeping'), at('sub/awake'))
    appendFileSync(at('sub/awake'), ' changed')
    const again = startScannerProcess()
    again.configure({
      sources: [sourceSchema.parse({ id: 's', path: root, name: 'source', kind: 'batch' })],
      ledgerPath: path.join(root, '../ledger.sqlite'),
      destinations: [DESTINATION],
      ...defaultSettings.scan,
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
    await until('what was renamed and changed meanwhile waits', () => getState('sub/awake') === 'waiting')
    expect(['log', 'log.1', 'sub/still'].map(getState)).toEqual(['sent', 'sent', 'sent'])
  })
})
