import { expect, test } from 'vitest'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { summarizeFirstRun } from '../../../renderer/features/welcome/ending.ts'
import { pageSteps, stepBeside, steps } from '../../../renderer/features/welcome/steps.ts'
import { destinationState, emptyState } from './fake-state.ts'

const source = { id: 's', path: '/photos', name: 'photos' }
const nas = { id: 'nas', kind: 'receiver', name: 'nas', host: 'nas', port: 1, fingerprint: 'a'.repeat(64) }

/** What the end says, a key each; what is missing has a mark before it. */
function said(given: unknown, startsAtLogin: boolean | null, elsewhere = false): string[] {
  const settings = settingsSchema.parse(given)
  const destinations = settings.destinations.map(({ id, name }) => destinationState(id, { name, elsewhere }))
  const state = emptyState(destinations.length === 0 ? { settings } : { settings, destinations })
  return summarizeFirstRun(state, startsAtLogin).map(({ key, isWell }) => `${isWell ? '' : '! '}${key}`)
}

test('first run summary: each skipped step is reported as missing', () => {
  expect(said({ notifications: false }, false)).toEqual([
    '! first.end.nothing',
    '! first.end.nobody',
    '! first.end.noLogin',
  ])
  expect(said({ sources: [source] }, null)).toEqual([
    'first.end.protected',
    '! first.end.here',
    'first.end.native',
  ])
})

test('first run summary: an agent in a terminal shows no notifications', () => {
  const state = emptyState({ host: 'terminal' })
  const keys = summarizeFirstRun(state, null).map(({ key }) => key)
  expect(keys).toEqual(['first.end.nothing', 'first.end.nobody'])
})

test('first run summary: files are called safe only with a destination elsewhere', () => {
  const whole = { sources: [source], destinations: [nas] }
  expect(said(whole, true)).toContain('! first.end.near')
  expect(said(whole, true, true)).toEqual([
    'first.end.protected',
    'first.end.elsewhere',
    'first.end.native',
    'first.end.login',
  ])
})

test('first run summary: paths that are only checked add no line about copies', () => {
  const checkedPaths = [{ id: 'c', path: '/mnt' }]
  expect(said({ checkedPaths }, true)).toEqual(['first.end.checked', 'first.end.native', 'first.end.login'])
})

test('first run steps: next and back move one step, and stop at the first and the last one', () => {
  expect(stepBeside(steps, 'protect', 1)).toBe('where')
  expect(stepBeside(steps, 'protect', -1)).toBeNull()
  expect(stepBeside(steps, 'end', 1)).toBeNull()
  expect(stepBeside(pageSteps, 'told', 1)).toBe('end')
})
