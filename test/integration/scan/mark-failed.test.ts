// @module-tag story
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { startScannerProcess } from '../../support/scan/worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const DESTINATION = 'there'

test.skipIf(!canMount)(
  'batch mark: a failed mark is reported, and written once the disk is writable (needs root: mounts)',
  async () => {
    const disk = await mountTmpfs(onTestFinished)
    const batch = path.join(disk.point, 'DC1')
    mkdirSync(batch)
    writeFileSync(path.join(batch, 'file'), 'content', { mode: 0o644 })
    writeFileSync(path.join(batch, 'finished.parse'), '')
    const ledgerPath = path.join(temporaryDirectory('mark-failed'), 'ledger.sqlite')
    const ledger = openLedger(ledgerPath)
    onTestFinished(() => ledger.close())
    const scanner = startScannerProcess()
    scanner.configure({
      sources: [sourceSchema.parse({ id: 's', path: disk.point, name: 'source', kind: 'batch' })],
      ledgerPath,
      destinations: [DESTINATION],
      ...defaultSettings.scan,
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
    await until('the file is offered', () => ledger.lookup(DESTINATION, 's', 'DC1/file') !== null)
    await disk.remount('ro')
    const due = ledger.take(DESTINATION, 's', 10, Date.now(), new Set())
    ledger.markSent(
      due.map((file) => ({ ...file, mark: false })),
      Date.now(),
    )
    scanner.nudge()
    const problems = () => scanner.scanned.get('s')?.problems ?? []
    await until('it is told', () => problems().some(({ key }) => key === 'scan.markFailed'))
    expect(problems()).toMatchObject([
      { key: 'scan.markFailed', params: { path: batch, mark: 'finished.watch' } },
    ])
    expect(problems()[0]?.params.reason).toBe('EROFS')
    await disk.remount('rw')
    await scanner.reconcile()
    await until('it is marked', () => existsSync(path.join(batch, 'finished.watch')))
    await scanner.reconcile()
    await until('nothing is told any more', () => problems().length === 0)
  },
)
