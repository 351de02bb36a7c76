// Changes of one entry of a list in the settings: it alone changes, whatever stands around it.

import { describe, expect, test } from 'vitest'
import { channelSchema } from '../../../core/alerts/settings.ts'
import {
  acceptExpected,
  getSource,
  withAcceptedDisk,
  withChannel,
  withChannelChanged,
  withoutChannel,
  withoutChecked,
  withoutSource,
  withPause,
  withSourceChanged,
} from '../../../core/settings/changes.ts'
import { withComputer, withoutComputer } from '../../../core/settings/computers.ts'
import {
  eventSinkSchema,
  withoutSink,
  withSink,
  withSinkEnabled,
} from '../../../core/settings/event-sinks.ts'
import { withMuted, withoutMuted } from '../../../core/settings/muting.ts'
import { expectedFilesSchema, settingsSchema, watchedComputerSchema } from '../../../core/settings/schema.ts'
import { createToken, findToken, withoutToken } from '../../../core/settings/web-tokens.ts'

const buildChannel = (id: string, more: object = {}) =>
  channelSchema.parse({ id, name: `Channel ${id}`, type: 'webhook', ...more })
const program = { type: 'command', options: { program: '/bin/true' } }
const buildSink = (id: string, more: object = {}) =>
  eventSinkSchema.parse({ id, name: `Sink ${id}`, kind: 'webhook', ...more })
const buildComputer = (id: string, more: object = {}) =>
  watchedComputerSchema.parse({ id, name: `Computer ${id}`, address: `https://${id}.test:8420/`, ...more })
const ids = ['a', 'b', 'c']
const settings = settingsSchema.parse({
  sources: ids.map((id) => ({ id, path: `/data/${id}`, name: id })),
  checkedPaths: ids.map((id) => ({ id: `p${id}`, path: `/disk/${id}` })),
  alerts: { channels: ids.map((id) => buildChannel(id)), muted: { a: null, b: 2_000, pb: null } },
  events: { sinks: ids.map((id) => buildSink(id)) },
  computers: ids.map((id) => buildComputer(id)),
})

const refusedAs = (key: string) => expect.objectContaining({ sentence: expect.objectContaining({ key }) })

describe('settings of sources and checked paths', () => {
  test('a change of one source leaves the others, and keeps its place', () => {
    const { sources } = withSourceChanged(settings, 'b', { name: 'other' })
    expect(sources).toEqual(settings.sources.map((one) => (one.id === 'b' ? { ...one, name: 'other' } : one)))
    expect(getSource(settings, 'c').path).toBe('/data/c')
  })

  test('a change is refused for a source that there is not, and with a name or a destination that cannot be', () => {
    const change = (id: string, changes: object) => () => withSourceChanged(settings, id, changes)
    expect(change('none', {})).toThrow(refusedAs('refuse.noSource'))
    expect(change('b', { name: 'A' })).toThrow(refusedAs('refuse.sourceName'))
    expect(change('b', { name: 'B' })).not.toThrow()
    expect(change('b', { destinations: ['none'] })).toThrow(refusedAs('refuse.noSuchDestination'))
    expect(change('b', { minimumBytes: 5, maximumBytes: 4 })).toThrow(refusedAs('refuse.emptyRange'))
    expect(change('b', { minimumBytes: 5, maximumBytes: 5 })).not.toThrow()
  })

  test('a removed source or path leaves with its muting alone', () => {
    const noSource = withoutSource(settings, 'b')
    expect(noSource.sources.map(({ id }) => id)).toEqual(['a', 'c'])
    expect(noSource.alerts).toEqual({ ...settings.alerts, muted: { a: null, pb: null } })
    expect(noSource.checkedPaths).toEqual(settings.checkedPaths)
    const noPath = withoutChecked(settings, 'pb')
    expect(noPath.checkedPaths.map(({ id }) => id)).toEqual(['pa', 'pc'])
    expect(noPath.alerts.muted).toEqual({ a: null, b: 2_000 })
    expect(noPath.sources).toEqual(settings.sources)
  })

  test('a muting ends others that are over, and nothing else', () => {
    expect(withMuted(settings, 'c', 9_000, 1_999).alerts.muted).toEqual({
      ...{ a: null, b: 2_000, pb: null, c: 9_000 },
    })
    expect(withMuted(settings, 'c', null, 2_000).alerts.muted).toEqual({ a: null, pb: null, c: null })
    expect(withoutMuted(settings, 'a').alerts.muted).toEqual({ b: 2_000, pb: null })
  })

  test('a pause lasts until its minutes are over, or for good', () => {
    expect(withPause(settings, 1.5, 1_000).pause).toEqual({ since: 1_000, until: 91_000 })
    expect(withPause(settings, null, 1_000).pause).toEqual({ since: 1_000, until: null })
  })

  test('counters of a disk are accepted beside earlier ones', () => {
    const once = withAcceptedDisk(settings, 'disk', { worn: 1 })
    const twice = withAcceptedDisk(once, 'disk', { pending: 2 })
    expect(withAcceptedDisk(twice, 'other', { worn: 3 }).acceptedDisks).toEqual({
      disk: { worn: 1, pending: 2 },
      other: { worn: 3 },
    })
  })

  test('expected files: each pattern has one rule, and a zone that exists', () => {
    const rule = (pattern: string, more: object = {}) =>
      expectedFilesSchema.parse({ pattern, everyMinutes: 1_440, ...more })
    const daily = 'a-{YYYY}{MM}{DD}.dat'
    expect(() =>
      acceptExpected([rule(daily), rule('b-{YYYY}{MM}{DD}.dat', { zone: 'Asia/Taipei' })], []),
    ).not.toThrow()
    expect(() => acceptExpected([rule(daily), rule(daily)], [])).toThrow(refusedAs('refuse.expectedTwice'))
    expect(() => acceptExpected([rule(daily, { zone: 'Mars/Base' })], [])).toThrow(
      refusedAs('refuse.expectedZone'),
    )
    expect(() => acceptExpected([rule('a-{YYYY}{XX}.dat')], [])).toThrow(refusedAs('refuse.expectedToken'))
  })
})

describe('settings of channels', () => {
  const names = (now: typeof settings) => now.alerts.channels.map(({ id, name }) => [id, name])

  test('an added channel is the last one; its id and its name are new, and it runs no program', () => {
    const added = withChannel(settings, buildChannel('d'))
    expect(names(added)).toEqual([...names(settings), ['d', 'Channel d']])
    expect(added).toEqual({ ...settings, alerts: { ...settings.alerts, channels: added.alerts.channels } })
    const add = (id: string, more: object) => () => withChannel(settings, buildChannel(id, more))
    expect(add('b', { name: 'new' })).toThrow(refusedAs('alert.channelTwice'))
    expect(add('d', { name: 'CHANNEL B' })).toThrow(refusedAs('alert.channelName'))
    expect(add('d', program)).toThrow(refusedAs('alert.channelInSettings'))
  })

  test('a changed channel keeps its place; a program is changed in the settings file alone', () => {
    const change = (id: string, more: object) => withChannelChanged(settings, buildChannel(id, more))
    expect(names(change('b', { name: 'New' }))).toEqual([
      ['a', 'Channel a'],
      ['b', 'New'],
      ['c', 'Channel c'],
    ])
    expect(() => change('b', { name: 'channel C' })).toThrow(refusedAs('alert.channelName'))
    expect(() => change('b', program)).toThrow(refusedAs('alert.channelInSettings'))
    expect(() => change('none', {})).toThrow(refusedAs('alert.noChannel'))
  })

  test('a removed channel leaves the others', () => {
    expect(names(withoutChannel(settings, 'b'))).toEqual([
      ['a', 'Channel a'],
      ['c', 'Channel c'],
    ])
    expect(() => withoutChannel(settings, 'none')).toThrow(refusedAs('alert.noChannel'))
  })
})

test('settings of event sinks: one is added, disabled and removed alone', () => {
  const states = (now: typeof settings) => now.events.sinks.map(({ id, enabled }) => [id, enabled])
  const all = ids.map((id) => [id, true])
  expect(states(withSink(settings, buildSink('d')))).toEqual([...all, ['d', true]])
  expect(states(withSinkEnabled(settings, 'b', false))).toEqual([all[0], ['b', false], all[2]])
  expect(states(withoutSink(settings, 'Sink b'))).toEqual([all[0], all[2]])
  for (const more of [{ name: 'other' }, { id: 'd', name: 'SINK B' }])
    expect(() => withSink(settings, buildSink('b', more))).toThrow(refusedAs('events.sinkTwice'))
  const command = { kind: 'command', command: ['/bin/true'] }
  expect(() => withSink(settings, buildSink('d', command))).toThrow(refusedAs('events.commandInSettings'))
  const mqtt = (topic: string) =>
    buildSink('d', { kind: 'mqtt', options: { broker: 'mqtt://b:1883', topic } })
  for (const topic of ['a/#', 'a/+/b', '{host}/{type}'])
    expect(() => withSink(settings, mqtt(topic))).toThrow(refusedAs('events.topic'))
  expect(states(withSink(settings, mqtt('a/{computer}-{type}/{folder}'))).at(-1)).toEqual(['d', true])
  const { events } = settings
  const withProgram = {
    ...settings,
    events: { ...events, sinks: [buildSink('a', command), ...events.sinks.slice(1)] },
  }
  for (const change of [() => withSinkEnabled(withProgram, 'a', false), () => withoutSink(withProgram, 'a')])
    expect(change).toThrow(refusedAs('events.commandInSettings'))
  expect(() => withoutSink(settings, 'none')).toThrow(refusedAs('events.noSink'))
})

test('settings of watched computers: one is added, replaced and removed alone', () => {
  const names = (now: typeof settings) => now.computers.map(({ name }) => name)
  expect(names(withComputer(settings, buildComputer('d')))).toEqual([...names(settings), 'Computer d'])
  expect(names(withComputer(settings, buildComputer('b', { name: 'New' })))).toEqual([
    'Computer a',
    'New',
    'Computer c',
  ])
  expect(() => withComputer(settings, buildComputer('b', { name: 'computer C' }))).toThrow(
    refusedAs('computer.nameTaken'),
  )
  expect(names(withoutComputer(settings, 'Computer b'))).toEqual(['Computer a', 'Computer c'])
  expect(() => withoutComputer(settings, 'none')).toThrow(refusedAs('computer.unknown'))
})

test('settings of web tokens: each is found by its text alone, until it is removed', () => {
  const first = createToken(settings, { name: 'one', role: 'viewer' }, 5)
  const second = createToken(first.settings, { name: 'two', role: 'operator' }, 6)
  const { webTokens } = second.settings
  expect(findToken(webTokens, first.token)).toMatchObject({ name: 'one', role: 'viewer', createdAt: 5 })
  expect(findToken(webTokens, second.token)).toMatchObject({ name: 'two', role: 'operator' })
  expect(findToken(webTokens, `${first.token}x`)).toBeNull()
  expect(() => createToken(second.settings, { name: 'two', role: 'viewer' }, 7)).toThrow(
    refusedAs('web.tokenExists'),
  )
  expect(withoutToken(second.settings, 'one').webTokens.map(({ name }) => name)).toEqual(['two'])
  expect(() => withoutToken(second.settings, 'none')).toThrow(refusedAs('web.noToken'))
})
