import { expect, it } from 'vitest'
import { isCounted } from '../../../core/agent/state/derived.ts'
import {
  destinationStates,
  initialState,
  withIncidents,
  withSent,
  withSettings,
} from '../../../core/agent/state/next-state.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { concernsSenders, destinationsNow } from '../../../core/agent/workers/configs.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { EMBEDDED_DESTINATION } from '../../../core/settings/destinations.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

const report = {
  fingerprint: null,
  connection: { state: 'connected' as const, since: 1, problem: null },
  totals: {},
  lastFile: {},
  transfers: [],
  rates: {},
  left: {},
  leftOfAll: null,
  nextDue: {},
}

it('destination state: a receiver whose connection leads back to this computer is not elsewhere', () => {
  const settings = settingsSchema.parse({
    destinations: [
      {
        id: 'r',
        kind: 'receiver' as const,
        name: 'nas',
        host: 'alias.example',
        port: 1,
        fingerprint: 'a'.repeat(64),
      },
    ],
    sources: [{ id: 's', path: '/data', name: 'data' }],
  })
  const places = destinationStates(settings, '/store')
  const before = initialState('desktop', '1', settings, '/store')
  const hear = (toItself: boolean): AppState => {
    const connection = { ...report.connection, toItself }
    return { ...before, ...withSent(before, 'r', { ...report, connection }) }
  }
  const heard = hear(true)
  expect(before.destinations[0]?.elsewhere).toBe(true)
  expect(heard.destinations[0]?.elsewhere).toBe(false)
  // Nothing is removed before a connection was there, and then only for one that leads elsewhere.
  expect(destinationsNow(before.destinations).safe).toEqual(new Set())
  expect(destinationsNow(heard.destinations).safe).toEqual(new Set())
  expect(destinationsNow(hear(false).destinations).safe).toEqual(new Set(['r']))
  // Nor because of copies that a crash of their server may lose.
  const unsure = { ...report.connection, toItself: false, durable: false }
  const { destinations = [] } = withSent(before, 'r', { ...report, connection: unsure })
  expect(destinationsNow(destinations).safe).toEqual(new Set())
  expect(concernsSenders(before.destinations, destinations)).toBe(false)
  expect(concernsSenders(before.destinations, heard.destinations)).toBe(false)
  expect(concernsSenders(before.destinations, hear(false).destinations)).toBe(true)
  expect(withSettings(heard, settings, new Map(), places).destinations?.[0]?.elsewhere).toBe(false)
})

it('destination state: a folder is elsewhere only after a report that it is not on this computer', () => {
  const settings = settingsSchema.parse({
    destinations: [{ id: 'f', kind: 'folder', name: 'nas', path: '/mnt/nas' }],
  })
  const before = initialState('desktop', '1', settings, '/store')
  const hear = (toItself?: boolean): AppState => {
    const connection = { ...report.connection, ...(toItself === undefined ? {} : { toItself }) }
    return { ...before, ...withSent(before, 'f', { ...report, connection }) }
  }
  const elsewhere = [before, hear(), hear(true), hear(false)].map(({ destinations: [one] }) => one?.elsewhere)
  expect(elsewhere).toEqual([false, false, false, true])
  expect(destinationsNow(hear(false).destinations).safe).toEqual(new Set(['f']))
})

it('destination state: after a restart an unreachable destination counts from the start of its incident', () => {
  const destinations = [{ id: 'f', kind: 'folder' as const, name: 'nas', path: '/mnt/nas' }]
  const before = initialState('desktop', '1', settingsSchema.parse({ destinations }), '/store')
  const lasting = {
    endedAt: null,
    kind: 'unreachable',
    startedAt: 5,
    failing: { 'destination:f': message('status.starting') },
  }
  const known = { ...before, incidents: [lasting as unknown as AppState['incidents'][0]] }
  const since = (state: AppState, is: 'unreachable' | 'connected') => {
    const connection = { ...report.connection, state: is, since: 9 }
    return withSent(state, 'f', { ...report, connection }).destinations?.[0]?.connection.since
  }
  expect(since(known, 'unreachable')).toBe(5)
  expect(since(known, 'connected')).toBe(9)
  expect(since(before, 'unreachable')).toBe(9)
  // The incidents of the last run are read after the first report.
  const connection = { ...report.connection, state: 'unreachable' as const, since: 9 }
  const reported = { ...before, ...withSent(before, 'f', { ...report, connection }) }
  expect(withIncidents(reported, known.incidents).destinations?.[0]?.connection.since).toBe(5)
  expect(withIncidents(reported, []).destinations?.[0]?.connection.since).toBe(9)
})

it('source state: new settings keep the fact that a sender has reported', () => {
  const settings = settingsSchema.parse({ sources: [{ id: 's', path: '/data', name: 'data' }] })
  const initial = initialState('desktop', '1', settings, '/store')
  const places = destinationStates(settings, '/store')
  const isKnown = ({ sources }: Partial<AppState>) => sources?.map(isCounted)
  const before: AppState = { ...initial, ...withSettings(initial, settings, new Map(), places) }
  expect(isKnown(before)).toEqual([false])
  const heard: AppState = { ...before, ...withSent(before, EMBEDDED_DESTINATION, report) }
  expect(isKnown(heard)).toEqual([true])
  expect(isKnown(withSettings(heard, settings, new Map(), places))).toEqual([true])
})

it('destination state: new settings keep what only the next different report would have again', () => {
  const destinations = [{ id: 'f', kind: 'folder' as const, name: 'nas', path: '/mnt/nas' }]
  const settings = settingsSchema.parse({
    destinations,
    sources: [{ id: 's', path: '/data', name: 'data', destinations: ['f'] }],
  })
  const before = initialState('desktop', '1', settings, '/store')
  const found = {
    unfit: [{ source: 's', path: 'large', size: 9, count: 1 }],
    damaged: { files: 1, bytes: 2, foundAt: 3 },
  }
  const heard: AppState = { ...before, ...withSent(before, 'f', { ...report, ...found }) }
  const places = destinationStates(settings, '/store')
  expect(withSettings(heard, settings, new Map(), places).destinations).toMatchObject([found])
  const without = withSent(heard, 'f', report).destinations?.[0]
  expect([without?.unfit, without?.damaged]).toEqual([undefined, undefined])
})
