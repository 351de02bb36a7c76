import { expect, test } from 'vitest'
import { destinationLine } from '../../../cli/destinations/destination-line.ts'
import { findConditions } from '../../../core/agent/state/find-conditions.ts'
import { pathIds } from '../../../core/agent/state/next-state.ts'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import { overallStatus, summarize } from '../../../core/agent/state/status.ts'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { formatTitle } from '../../../renderer/features/alerts/incidents.ts'
import { DestinationRow } from '../../../renderer/features/destinations/destination-row.tsx'
import { describeDestinations } from '../../../renderer/features/overview/describe.ts'
import type { Words } from '../../../renderer/words/context.tsx'
import { incident, NOW, stateWith } from '../../support/agent/status.ts'
import { destinationState, emptyState } from './fake-state.ts'
import { renderMarkup } from './rendered.tsx'

type Connection = DestinationState['connection']

const folder = destinationSchemas.folder.parse({ id: 'd', kind: 'folder', name: 'shelf', path: '/mnt/shelf' })
const problem = message('transfer.storeFull', { name: 'nas' })
const there = (state: Connection['state'], problem: Connection['problem'] = null) =>
  destinationState('nas', { connection: { state, since: Date.now() - 60_000, problem } })

const markupOf = (destination: DestinationState, state = emptyState({ destinations: [destination] })) =>
  renderMarkup(<DestinationRow destination={destination} state={state} />)
const readLevel = (destination: DestinationState) => /data-level="(\w+)"/.exec(markupOf(destination))?.[1]

test('destination health: a destination with a problem is never shown as ok', () => {
  expect(readLevel(there('connected'))).toBe('ok')
  for (const state of ['idle', 'connecting', 'connected', 'unreachable', 'refused'] as const)
    expect(readLevel(there(state, problem)), state).toBe('attention')
  expect(markupOf(there('unreachable', problem))).toContain('card-problem warn')
})

test('destination health: row, chip, command line, header and Alerts describe a missing disk alike', () => {
  const t = ((key: WordKey, params = {}) => englishWords(message(key, params))) as Words['t']
  const away = message('transfer.notMounted', { name: 'shelf', path: '/mnt/shelf' })
  const settings = { ...emptyState().settings, destinations: [folder] }
  const shelf = (changes: Partial<DestinationState>) =>
    destinationState('d', { kind: 'folder', name: 'shelf', address: '/mnt/shelf', ...changes })
  const connection = { state: 'unreachable' as const, since: NOW, problem: away }
  const ofDisk = {
    ...incident,
    ...{
      kind: 'missing' as const,
      paths: { d: 'shelf' },
      failing: { d: away },
      sources: ['d'],
      sentence: away,
    },
  }
  for (const [incidents, destination] of [
    // Its sender has found out, and its disk is still to be checked.
    [[], shelf({ connection })],
    [[ofDisk], shelf({ connection })],
    // Sending is paused.
    [[ofDisk], shelf({})],
  ] as const) {
    const found = stateWith({ settings, incidents: [...incidents], destinations: [destination] })
    const state = { ...found, ...summarize(found, NOW) }
    const row = markupOf(destination, state)
    expect(row).toMatch(/data-level="failing".*>Missing · .*class="card-problem breakable">shelf is missing/)
    expect(describeDestinations([destination], state, t)).toEqual([
      { id: 'd', name: 'shelf', failure: 'shelf · Missing', level: 'failing' },
    ])
    expect(destinationLine(state, destination)).toMatch(/^shelf \(\/mnt\/shelf\): shelf is missing/)
    expect(overallStatus(state, NOW)).toMatchObject({
      level: 'failing',
      sentence: { key: 'status.disk.missing', params: { name: 'shelf' } },
    })
    expect(findConditions(state, NOW).filter(({ id }) => id === 'destination:d')).toEqual([])
    for (const one of incidents) expect(formatTitle(one, { t }, settings)).toBe('shelf · Missing')
  }
})

test('free space: a status line with the number of free bytes does not call the disk full', () => {
  const space = { free: 21 * 1024 ** 2, total: 1024 ** 3 }
  for (const key of ['transfer.storeFull', 'transfer.storeFloor'] as const) {
    const connection = {
      state: 'connected' as const,
      since: NOW,
      problem: message(key, { name: 'nas' }),
      space,
    }
    const line = destinationLine(emptyState(), destinationState('nas', { connection }))
    expect(line).toContain('21 MiB of 1 GiB free')
    expect(line).not.toMatch(/\bfull\b/i)
  }
  const health = message('transfer.healthFull', { free: 21 * 1024 ** 2, floor: 64 * 1024 ** 2 })
  expect(englishWords(health)).toContain(
    'only 21 MiB are free on the disk of the store, and Holdfast keeps 64 MiB free',
  )
})

test('destination health: an ejected disk is grey, whatever its incident and its connection are', () => {
  const t = ((key: WordKey, params = {}) => englishWords(message(key, params))) as Words['t']
  const away = message('transfer.notMounted', { name: 'shelf', path: '/mnt/shelf' })
  const connection = { state: 'unreachable' as const, since: NOW, problem: away }
  const shelf = destinationState('d', { kind: 'folder', name: 'shelf', connection, ejectedAt: NOW })
  const ofDisk = { ...incident, kind: 'missing' as const, paths: { d: 'shelf' }, failing: { d: away } }
  const state = stateWith({ destinations: [shelf], incidents: [ofDisk] })
  const markup = markupOf(shelf, state)
  expect(markup).toMatch(/data-level="unknown".*ejected · .*since /)
  expect(markup).not.toContain('card-problem')
  expect(describeDestinations([shelf], state, t)).toMatchObject([
    { failure: 'shelf · ejected', level: 'unknown' },
  ])
  expect(destinationLine(state, shelf)).toMatch(/ejected since /)
  expect(pathIds(state)).not.toContain('d')
  expect(findConditions(state, NOW).some(({ id }) => id === 'destination:d')).toBe(false)
})
