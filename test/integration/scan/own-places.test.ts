import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { setUp } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

test('own places: a directory that is a store no longer is sent after the next comparison', async () => {
  const world = setUp()
  const { root, configure, watching, scanner, paths, problems } = world
  const index = path.join(root, 'x/.holdfast')
  mkdirSync(index, { recursive: true })
  writeFileSync(path.join(index, 'receiver.json'), '{}')
  writeFileSync(path.join(root, 'x/received'), 'received')
  configure()
  await watching()
  await until('it is named', () => problems().join() === 'scan.ownPlace')
  expect(paths()).toEqual([])

  rmSync(path.join(root, 'x'), { recursive: true })
  mkdirSync(path.join(root, 'x'))
  writeFileSync(path.join(root, 'x/normal'), 'normal')
  await scanner.reconcile()
  await until('it is offered', () => paths().join() === 'x/normal')
  await until('the notice ends', () => problems().length === 0)
  writeFileSync(path.join(root, 'x/later'), 'later')
  await until('the watcher finds the next one', () => paths().join() === 'x/later,x/normal')
})
