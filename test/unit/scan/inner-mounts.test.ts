import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { createMountScope } from '../../../core/scan/source.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const source = { id: 's', oneFileSystem: false }
const found = { root: '/source', destinations: ['there'] }

/** @param problems the keys of what is told. */
const createScope = (ledger: Ledger, problems: string[] = []) =>
  createMountScope(source, {
    ...found,
    ledger,
    problem: ({ key }) => void problems.push(key),
    ledgerFailed: () => void problems.push('scan.ledgerFailed'),
  })

test('inner mounts: a mount point is remembered while it is mounted and while files below it wait', () => {
  const ledger = openLedger(path.join(temporaryDirectory('inner'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const problems: string[] = []
  const inner = createScope(ledger, problems)
  const both = ['/source/disk', '/source/deep/other']
  expect(inner.away(both)).toEqual([])
  expect(ledger.mountsInside('s')).toEqual([
    { path: 'disk', point: '/source/disk' },
    { path: 'deep/other', point: '/source/deep/other' },
  ])
  ledger.offer('there', [
    { source: 's', path: 'disk/a', size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n },
    { source: 's', path: 'disk-2/b', size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 2n, device: 1n },
  ])
  expect(inner.away([])).toEqual(['/source/disk'])
  expect(ledger.mountsInside('s')).toEqual([{ path: 'disk', point: '/source/disk' }])
  expect(problems).toEqual(['scan.innerDiskMissing'])
  // Also by another scanner, which has never seen the disk.
  const again = createScope(ledger)
  expect(again.away([])).toEqual(['/source/disk'])
  const due = ledger.take('there', 's', 10, Date.now(), new Set())
  ledger.markSent(
    due.map((file) => ({ ...file, mark: false })),
    Date.now(),
  )
  expect(again.away([])).toEqual([])
  expect(ledger.mountsInside('s')).toEqual([])
})

test('inner mounts: a source removed from the ledger loses its mount points', () => {
  const ledger = openLedger(path.join(temporaryDirectory('inner'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  ledger.rememberMountsInside('s', [{ path: 'disk', point: '/source/disk' }])
  ledger.forgetSource('s', 100)
  expect(ledger.mountsInside('s')).toEqual([])
})

test('inner mounts: a missing mount point stays missing while the ledger cannot be written', () => {
  const ledger = openLedger(path.join(temporaryDirectory('inner'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const full = {
    ...ledger,
    rememberMountsInside: () => {
      throw new Error('database or disk is full')
    },
  }
  createScope(ledger).away(['/source/disk', '/source/other'])
  ledger.offer('there', [
    { source: 's', path: 'disk/a', size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n },
  ])
  const problems: string[] = []
  const scope = createScope(full, problems)
  expect(scope.away([])).toEqual(['/source/disk'])
  expect(problems).toEqual(['scan.ledgerFailed', 'scan.innerDiskMissing'])
})
