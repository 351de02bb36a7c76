import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { holdfast, readState, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('`status --dismiss`: notices are shown and dismissed', async () => {
  const data = temporaryDirectory('notices')
  writeFileSync(path.join(data, 'settings.json'), '{ "version": 1, ')
  startHoldfast(['agent', '--data', data, temporaryDirectory('notices-source')])
  await untilState(data, 'the notice', ({ notices }) => notices.length > 0)
  await untilState(data, 'its check', ({ sources }) => sources[0]?.checked?.overall.kind === 'ok')
  const before = startHoldfast(['status', '--data', data])
  expect(await before.ended()).toBe(1)
  expect(await holdfast(['status', '--dismiss', '--data', data])).toContain('settings file could not be used')
  expect(await holdfast(['status', '--data', data])).not.toContain('settings file could not be used')
})

test('notices: `status` shows a directory that cannot be protected, and the others are protected', async () => {
  const data = temporaryDirectory('notices')
  const source = temporaryDirectory('notices-source')
  startHoldfast(['agent', '--data', data, '/nowhere/mistyped', source])
  const state = await untilState(data, 'the other one', ({ sources }) => sources.length > 0)
  expect(state.sources.map(({ settings }) => settings.path)).toEqual([source])
  await untilState(data, 'its check', ({ sources }) => sources[0]?.checked?.overall.kind === 'ok')
  const status = startHoldfast(['status', '--data', data])
  expect(await status.ended()).toBe(1)
  expect(status.out()).toContain('/nowhere/mistyped does not exist')
})

test("notices: a refused directory's notice is gone once the directory exists and was added", async () => {
  const data = temporaryDirectory('notices')
  const late = path.join(temporaryDirectory('notices-late'), 'late')
  startHoldfast(['agent', '--data', data, late, temporaryDirectory('notices-source')])
  await untilState(data, 'the other directory', ({ sources }) => sources.length === 1)
  expect((await readState(data)).notices).toHaveLength(1)
  mkdirSync(late)
  await holdfast(['agent', '--data', data, late])
  const { notices, sources } = await readState(data)
  expect(sources).toHaveLength(2)
  expect(notices).toEqual([])
})

test('notices: a settings file set aside keeps its notice until a setting is changed; a start alone keeps it', async () => {
  const data = temporaryDirectory('notices')
  writeFileSync(path.join(data, 'settings.json'), '{ "version": 1, ')
  const [named, added] = ['named', 'added'].map((name) => temporaryDirectory(name)) as [string, string]
  startHoldfast(['agent', '--data', data, named])
  const { notices } = await untilState(data, 'the directory', ({ sources }) => sources.length === 1)
  expect(notices.map(({ id }) => id)).toEqual(['settings'])
  await holdfast(['agent', '--data', data, added])
  const isWell = ({ checked }: AppState['sources'][number]) => checked?.overall.kind === 'ok'
  await untilState(data, 'its check', ({ sources }) => sources.length === 2 && sources.every(isWell))
  expect(await holdfast(['status', '--data', data])).not.toContain('The settings file could not be used')
})
