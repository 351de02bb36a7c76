import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startHoldfast } from '../../support/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { untilState } from '../../support/two-receivers.ts'

test('`status --dismiss` puts away what was read', async () => {
  const data = temporaryDirectory('notices')
  writeFileSync(path.join(data, 'settings.json'), '{ "version": 1, ')
  startHoldfast(['agent', '--data', data, temporaryDirectory('notices-source')])
  await untilState(data, 'the notice', ({ notices }) => notices.length > 0)
  await untilState(data, 'its check', ({ sources }) => sources[0]?.checked?.overall.kind === 'ok')
  const before = startHoldfast(['status', '--data', data])
  expect(await before.ended()).toBe(1)
  expect(before.out()).toContain('The settings file could not be used')
  const after = startHoldfast(['status', '--dismiss', '--data', data])
  expect(await after.ended(), after.out()).toBe(0)
  expect(after.out()).not.toContain('The settings file could not be used')
})

test('a directory that cannot be protected is told also by `status`, while the others are', async () => {
  const data = temporaryDirectory('notices')
  const source = temporaryDirectory('notices-source')
  startHoldfast(['agent', '--data', data, '/nowhere/mistyped', source])
  const state = await untilState(data, 'the notice', ({ notices }) => notices.length > 0)
  expect(state.sources.map(({ settings }) => settings.path)).toEqual([source])
  await untilState(data, 'its check', ({ sources }) => sources[0]?.checked?.overall.kind === 'ok')
  const status = startHoldfast(['status', '--data', data])
  expect(await status.ended()).toBe(1)
  expect(status.out()).toContain('/nowhere/mistyped does not exist')
})
