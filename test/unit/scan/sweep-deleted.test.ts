import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { sweepDeleted } from '../../../core/scan/reconcile/deletions.ts'
import type { SessionContext } from '../../../core/scan/source-session.ts'
import { file, open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** A source whose files were all sent. */
function begin(names: readonly string[]) {
  const root = temporaryDirectory('sweep')
  const { ledger, take, send } = open()
  for (const [index, name] of names.entries()) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), name)
    ledger.offer('d', [file(name, { inode: BigInt(index + 10) })])
  }
  for (let due = take(); due.length > 0; due = take()) send(due)
  const ledgerFailed = vi.fn()
  const noticed = vi.fn()
  /** Files that come back after they were looked up. */
  const back = new Set<string>()
  const isBack = (name: string): boolean => {
    const is = back.delete(name)
    if (is) writeFileSync(path.join(root, name), name)
    return is
  }
  const whileLookingUp = (look: (isBack: (name: string) => boolean) => unknown) => look(isBack)
  const context = {
    ...{ source: { id: 's', oneFileSystem: false }, ledger, root, destinations: ['d'], ledgerFailed },
    ...{ device: statSync(root, { bigint: true }).dev, isThere: () => true, offered: () => undefined },
    ...{ signal: new AbortController().signal, deletions: { noticed, whileLookingUp } },
  } as unknown as SessionContext
  const sweep = async (base: string, depth?: 'first') => {
    await sweepDeleted(context, base, depth)
    return {
      gone: ledger.totals('d').s?.deletedFiles ?? 0,
      recent: ledger.countDeleted('d', 's', 0),
      isSwept: ledger.isSwept('s'),
    }
  }
  const remove = (name: string) => rmSync(path.join(root, name), { recursive: true })
  return { root, sweep, remove, back, context, ledgerFailed, noticed }
}

test('deleted files: those that went before the first whole comparison have no time, and later ones have', async () => {
  const { sweep, remove, noticed } = begin(['a', 'b', 'in/c', 'in/d', 'other/e'])
  expect(await sweep('in')).toEqual({ gone: 0, recent: 0, isSwept: false })
  for (const name of ['b', 'in/c']) remove(name)
  expect(await sweep('in')).toEqual({ gone: 1, recent: 0, isSwept: false })
  expect(await sweep('')).toEqual({ gone: 2, recent: 0, isSwept: true })
  expect(noticed).toHaveBeenCalledTimes(2)
  for (const name of ['a', 'other']) remove(name)
  expect(await sweep('', 'first')).toEqual({ gone: 4, recent: 2, isSwept: true })
  expect(await sweep('')).toEqual({ gone: 4, recent: 2, isSwept: true })
})

test('deleted files: none is recorded that has come back, while the disk is away, or if the source cannot be listed', async () => {
  const { root, sweep, remove, back, context, ledgerFailed } = begin(['a', 'b'])
  remove('a')
  back.add('a')
  expect(await sweep('')).toMatchObject({ gone: 0 })
  remove('a')
  context.isThere = () => false
  expect(await sweep('')).toMatchObject({ gone: 0 })
  context.isThere = () => true
  rmSync(root, { recursive: true })
  expect(await sweep('')).toMatchObject({ gone: 0 })
  mkdirSync(root)
  context.device += 1n
  expect(await sweep('')).toMatchObject({ gone: 0 })
  expect(ledgerFailed).not.toHaveBeenCalled()
})
