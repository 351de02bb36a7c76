import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openKnownMounts } from '../../../core/agent/parts/checks/known-mounts.ts'
import { checkedAs } from '../../support/agent/checked.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const checked = (id: string) =>
  checkedAs(id, { mount: { point: `/${id}`, type: 'ext4', source: '/dev/sda1', device: '8:1' } })

test('known mounts: the newest state is saved for the next run, and a damaged file is set aside', async () => {
  const directory = temporaryDirectory('memory')
  const file = path.join(directory, 'memory.json')
  writeFileSync(file, '{"knownMounts":')
  const memory = openKnownMounts(directory, false)
  expect(memory.knownMounts()).toEqual({})
  for (const id of ['a', 'b', 'c']) expect(memory.remember([checked(id)])).toBe(true)
  const aside = readdirSync(directory).find((name) => name.includes('set-aside')) ?? 'none'
  expect(aside).toMatch(/^memory\.set-aside-.*\.json$/)
  expect(readFileSync(path.join(directory, aside), 'utf8')).toBe('{"knownMounts":')
  await memory.saved()
  expect(readdirSync(directory)).toEqual(['memory.json', aside])
  expect(Object.keys(openKnownMounts(directory, false).knownMounts())).toEqual(['a', 'b', 'c'])
  expect(memory.remember([checked('a')])).toBe(false)
  memory.keepOnly(new Set(['b']))
  await memory.saved()
  expect(Object.keys(openKnownMounts(directory, false).knownMounts())).toEqual(['b'])
})

test('known mounts: a failed write causes no error, and the mounts stay in memory', async () => {
  const directory = temporaryDirectory('memory')
  mkdirSync(path.join(directory, 'memory.json'))
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  onTestFinished(() => void process.off('unhandledRejection', unhandled))
  const memory = openKnownMounts(directory, false)
  expect(memory.remember([checked('a')])).toBe(true)
  await memory.saved()
  expect(Object.keys(memory.knownMounts())).toEqual(['a'])
  expect(unhandled).not.toHaveBeenCalled()
})

test('known mounts: a one-shot run saves no file', async () => {
  const directory = temporaryDirectory('memory')
  const memory = openKnownMounts(directory, true)
  memory.remember([checked('a')])
  await memory.saved()
  expect(readdirSync(directory)).toEqual([])
})
