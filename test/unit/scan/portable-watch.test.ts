import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openPortable } from '../../../core/watch/portable.ts'
import type { TreeListener, TreeRequest } from '../../../core/watch/tree-watcher.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

async function begin(changes: Partial<TreeRequest> = {}) {
  const root = path.join(temporaryDirectory('portable'), 'in')
  mkdirSync(path.join(root, 'below/deep'), { recursive: true })
  mkdirSync(path.join(root, 'out'))
  const seen = { finished: [] as string[], lost: [] as string[], entries: 0, ended: [] as unknown[] }
  const listener: Partial<TreeListener> = {
    finished: (files) => seen.finished.push(...files.map((file) => file.path)),
    lost: async (base) => void seen.lost.push(base),
    entriesChanged: () => {
      seen.entries += 1
    },
    writing: () => undefined,
    problem: () => undefined,
    ended: (error) => seen.ended.push(error),
  }
  const request = { root, base: '', names: { ignore: ['*.tmp'], marks: [] }, ...changes }
  const watcher = await openPortable(request, listener as TreeListener, { quietMs: 1 })
  onTestFinished(() => watcher.close())
  const write = (name: string) => writeFileSync(path.join(root, name), 'x')
  const untilFinished = (name: string) => until(`${name} is finished`, () => seen.finished.includes(name))
  return { root, seen, watcher, write, untilFinished }
}

test('portable watcher: new and changed files of the tree are finished after the quiet period, excluded ones are not', async () => {
  const { root, seen, watcher, write, untilFinished } = await begin()
  expect(watcher.method).toBe('watching')
  for (const name of ['below/no.tmp', 'a', 'below/deep/b']) write(name)
  await untilFinished('a')
  await untilFinished('below/deep/b')
  seen.finished.length = 0
  appendFileSync(path.join(root, 'a'), 'more')
  await untilFinished('a')
  expect([seen.finished.includes('below/no.tmp'), seen.entries, seen.ended]).toEqual([false, 0, []])
  mkdirSync(path.join(root, 'new/inner'), { recursive: true })
  await until('the new directory is told', () => seen.entries === 1)
  rmSync(path.join(root, 'new'), { recursive: true })
  await until('its removal is told', () => seen.entries === 2)
})

test('portable watcher: a directory that is left out is not watched, and compared when it is watched again', async () => {
  const { seen, watcher, write, untilFinished } = await begin({ leaveOut: ['out'] })
  write('out/before')
  write('a')
  await untilFinished('a')
  expect(seen.finished).not.toContain('out/before')
  watcher.leaveOut?.([])
  expect(seen.lost).toEqual(['out'])
  watcher.leaveOut?.(['below'])
  write('below/c')
  await until('the directory is watched again', () => {
    write('out/after')
    return seen.finished.includes('out/after')
  })
  expect([seen.finished.includes('below/c'), seen.lost]).toEqual([false, ['out']])
})

test('portable watcher: it ends when its directory is gone, and does not begin without it', async () => {
  const { root, seen } = await begin()
  rmSync(root, { recursive: true })
  await until('the end', () => seen.ended.length > 0)
  expect(seen.ended).toMatchObject([{ code: 'ENOENT' }])
  const request = { root, base: '', names: { ignore: [], marks: [] } }
  await expect(openPortable(request, {} as TreeListener, { quietMs: 1 })).rejects.toMatchObject({
    code: 'ENOENT',
  })
})
