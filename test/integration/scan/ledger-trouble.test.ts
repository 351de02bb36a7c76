import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { quietTree } from '../../support/scan/quiet-tree.ts'
import { runSource } from '../../support/scan/source.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A source whose ledger fails where the test says so. */
function sourceOn(failing: { home: boolean; rememberHome: boolean }) {
  const root = temporaryDirectory('ledger-trouble')
  writeFileSync(path.join(root, 'file'), 'file')
  const ledger = openLedger(path.join(temporaryDirectory('ledger'), 'ledger.sqlite'))
  const fail = () => {
    throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR' })
  }
  let asked = 0
  const troubled: Ledger = {
    ...ledger,
    home: (source) => {
      asked += 1
      return failing.home ? fail() : ledger.home(source)
    },
    rememberHome: (source, point) => (failing.rememberHome ? fail() : ledger.rememberHome(source, point)),
  }
  let opened = 0
  onTestFinished(() => ledger.close())
  const openTree = async () => {
    opened += 1
    return quietTree
  }
  const running = runSource({ path: root }, troubled, { openTree })
  return {
    phase: () => running.scanned().phase,
    problems: () => running.scanned().problems.map(({ key }): string => key),
    asked: () => asked,
    opened: () => opened,
  }
}

test('failing ledger: is reported, and the source is watched without a restart', async () => {
  const failing = { home: false, rememberHome: false }
  const { phase, problems, asked, opened } = sourceOn(failing)
  await until('it to be watched', () => phase() === 'watching')
  failing.home = true
  const before = asked()
  await until('another look', () => asked() > before + 1)
  expect(problems()).toEqual(['scan.ledgerFailed'])
  expect(phase()).toBe('watching')
  expect(opened()).toBe(1)
})

test('failing ledger: a source is watched although its mount point cannot be stored', async () => {
  const { phase, problems } = sourceOn({ home: false, rememberHome: true })
  await until('it to be watched', () => phase() === 'watching')
  expect(problems()).not.toContain('scan.rootUnreadable')
})

test('failing ledger: a source is not opened before its mount point can be read', async () => {
  const failing = { home: true, rememberHome: false }
  const { phase, problems, opened } = sourceOn(failing)
  await until('the trouble to be told', () => problems().includes('scan.ledgerFailed'))
  expect(opened()).toBe(0)
  failing.home = false
  await until('it to be watched', () => phase() === 'watching')
})

test('failing ledger: an excluded file is withdrawn by the next reconciliation after the ledger recovers', async () => {
  const ledger = openLedger(path.join(temporaryDirectory('ledger'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const root = temporaryDirectory('ledger-trouble')
  writeFileSync(path.join(root, 'a.log'), 'a')
  const facts = { size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n }
  ledger.offer('there', [{ source: 's', path: 'a.log', ...facts }])
  let isFailing = true
  const unsentPage: Ledger['unsentPage'] = (...words) => {
    if (!isFailing) return ledger.unsentPage(...words)
    throw new Error('database or disk is full')
  }
  const running = runSource({ path: root, ignore: ['*.log'] }, { ...ledger, unsentPage })
  await until('it to be watched', () => running.scanned().phase === 'watching')
  const waiting = () => ledger.unsentPage('there', 's', '', 10).map(({ path: file }) => file)
  expect(waiting()).toEqual(['a.log'])
  isFailing = false
  await running.reconcile()
  expect(waiting()).toEqual([])
})
