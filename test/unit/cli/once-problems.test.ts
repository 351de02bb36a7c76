import { expect, test, vi } from 'vitest'
import { createFailures } from '../../../cli/send/once-problems.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { destinationState, emptyState, sourceState } from '../renderer/fake-state.ts'

const missing = message('scan.rootMissing', { path: '/data' })
const scanned = (phase: NonNullable<SourceState['scanned']>['phase']) => ({
  ...{ id: 'data', phase, batches: [] },
  problems: phase === 'missing' ? [missing] : [],
})
const oneWaits = { ...emptyState().totals, waitingFiles: 1 }
const stateIn = (phase: NonNullable<SourceState['scanned']>['phase']) =>
  emptyState({ sources: [sourceState('data', '/data', { scanned: scanned(phase) })] })

test('`holdfast send --once`: a directory that stays missing ends the run, one that comes back does not', () => {
  const findFailure = createFailures()
  expect(findFailure(stateIn('missing'), 0, 0)).toBeNull()
  expect(findFailure(stateIn('missing'), 2_000, 2_000)).toBeNull()
  expect(findFailure(stateIn('watching'), 2_500, 2_500)).toBeNull()
  expect(findFailure(stateIn('missing'), 4_000, 4_000)).toBeNull()
  expect(findFailure(stateIn('missing'), 7_000, 7_000)?.key).toBe('cli.once.unreachable')
})

test('`holdfast send --once`: a pause that ends soon is waited for, a long one ends the run', () => {
  const findFailure = createFailures()
  const paused = (until: number) =>
    emptyState({ totals: oneWaits, allowance: { now: { kind: 'pause' }, until } })
  for (const now of [0, 10_000]) expect(findFailure(paused(50_000), now, now)).toBeNull()
  expect(findFailure(paused(3_600_000), 20_000, 20_000)).toBeNull()
  expect(findFailure(paused(3_600_000), 24_000, 24_000)).not.toBeNull()
})

test.each(['connected', 'idle'] as const)(
  '`holdfast send --once`: a destination that stores no data for a minute ends the run: %s',
  (state) => {
    const findFailure = createFailures()
    const full = message('transfer.storeFull', { name: 'nas' })
    const held = (problem: typeof full | null, sentBytes = 0) => {
      const connection = { state, since: 0, problem }
      // Bytes go there all the time.
      const destinations = [destinationState('embedded', { connection, rate: 1_000, totals: oneWaits })]
      const large = { id: 1, source: 'data', path: 'large', size: 9_000, destination: 'embedded', sentBytes }
      return emptyState({ destinations, sources: [sourceState('data', '/data')], transfers: [large] })
    }
    expect(findFailure(held(full), 0, 0)).toBeNull()
    expect(findFailure(held(full), 59_000, 59_000)).toBeNull()
    // More of it is there than before: it is not stuck.
    expect(findFailure(held(full, 1_000), 60_500, 60_500)).toBeNull()
    expect(findFailure(held(full), 61_000, 61_000)).toBeNull()
    // Sent once more and refused again.
    expect(findFailure(held(full, 1_000), 90_000, 90_000)).toBeNull()
    expect(findFailure(held(full), 122_000, 122_000)?.params.reason).toContain(
      'nas has too little free space',
    )
  },
)

test('`holdfast send --once`: a problem of a destination that has all files does not end the run', () => {
  const findFailure = createFailures()
  const problem = message('transfer.storeFull', { name: 'nas' })
  const connection = { state: 'connected' as const, since: 0, problem }
  const sources = [sourceState('data', '/data')]
  const told = emptyState({ destinations: [destinationState('embedded', { connection })], sources })
  for (const now of [0, 61_000, 122_000]) expect(findFailure(told, now, now)).toBeNull()
})

test('`holdfast send --once`: the failure is in one language on the terminal, and in English for a script', async () => {
  vi.stubEnv('LC_ALL', 'zh_TW.UTF-8')
  vi.resetModules()
  const { createFailures: createThere, failureWords } = await import('../../../cli/send/once-problems.ts')
  vi.unstubAllEnvs()
  const held = { since: 0, lost: 40, changed: 0, known: 50 }
  const state = emptyState({
    sources: [sourceState('data', '/data', { scanned: { ...scanned('watching'), compared: true, held } })],
  })
  const findFailure = createThere()
  findFailure(state, 0, 0)
  const failure = findFailure(state, 4_000, 4_000) ?? message('cli.stopped')
  expect(failureWords(failure)).toMatch(
    /^尚未全部送出：「data」已送達的 50 個檔案中[^a-z]+ --accept 再執行一次。$/,
  )
  expect(failure.params.reason).toMatch(/^[^\p{Script=Han}]+--accept\.$/u)
})
