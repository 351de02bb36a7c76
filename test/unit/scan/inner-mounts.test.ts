import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { InnerMounts, mountScopeOf } from '../../../core/scan/source/inner-mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const fail = (thrown: unknown) => {
  throw thrown
}

test('a mount point is remembered while it is there, and while files below it wait', () => {
  const ledger = openLedger(path.join(temporaryDirectory('inner'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const inner = new InnerMounts({ source: 's', root: '/source', ledger, destinations: ['there'] }, fail)
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
  // Also by another scanner, which has never seen the disk.
  const again = new InnerMounts({ source: 's', root: '/source', ledger, destinations: ['there'] }, fail)
  expect(again.away([])).toEqual(['/source/disk'])
  const due = ledger.take('there', 's', 10, Date.now(), new Set())
  ledger.markSent(
    due.map((file) => ({ ...file, mark: false })),
    Date.now(),
  )
  expect(again.away([])).toEqual([])
  expect(ledger.mountsInside('s')).toEqual([])
})

test('a source that is forgotten takes its mount points with it', () => {
  const ledger = openLedger(path.join(temporaryDirectory('inner'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  ledger.rememberMountsInside('s', [{ path: 'disk', point: '/source/disk' }])
  ledger.forgetSource('s', 100)
  expect(ledger.mountsInside('s')).toEqual([])
})

test('a mount point that is away stays away while the ledger cannot be written', () => {
  const ledger = openLedger(path.join(temporaryDirectory('inner'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const full = {
    ...ledger,
    rememberMountsInside: () => {
      throw new Error('database or disk is full')
    },
  }
  const options = { source: 's', root: '/source', destinations: ['there'] }
  new InnerMounts({ ...options, ledger }, fail).away(['/source/disk', '/source/other'])
  ledger.offer('there', [
    { source: 's', path: 'disk/a', size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n },
  ])
  const problems: string[] = []
  const scope = mountScopeOf(
    { path: '/source', oneFileSystem: false },
    { ...options, ledger: full },
    { problem: ({ key }) => problems.push(key) },
  )
  expect(scope.away([])).toEqual(['/source/disk'])
  expect(problems).toEqual(['scan.ledgerFailed', 'scan.innerDiskMissing'])
})
