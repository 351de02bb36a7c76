import { expect, test } from 'vitest'
import { changeableSettingsSchema } from '../../../core/agent/parts/settings/contract.ts'
import {
  withChanges,
  withChannelOrder,
  withoutChannel,
  withoutChecked,
  withoutSource,
  withSourceChanged,
} from '../../../core/settings/changes.ts'
import { unclosedPattern } from '../../../core/settings/patterns.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

test('source limits: contradictory limits are refused on a change of limits, and do not block other changes', () => {
  const source = { id: 's', path: '/data', name: 'data', minimumBytes: 10, maximumBytes: 5 }
  const settings = settingsSchema.parse({ sources: [source] })
  expect(withSourceChanged(settings, 's', { paused: true }).sources[0]?.paused).toBe(true)
  expect(() => withSourceChanged(settings, 's', { minimumBytes: 20 })).toThrow('no file can be at least')
  expect(withSourceChanged(settings, 's', { maximumBytes: null }).sources[0]?.maximumBytes).toBeNull()
})

test('ignore patterns: a pattern with an unclosed bracket is refused', () => {
  const settings = settingsSchema.parse({ sources: [{ id: 's', path: '/data', name: 'data' }] })
  const change = () => withSourceChanged(settings, 's', { ignore: ['*.log', '*.[ch'] })
  expect(change).toThrow('*.[ch has a [ that is not closed')
  const closed = ['*.[ch]', '[]a]', '[!]]', '[[:digit:]]', '[\\]]', 'a]', '\\[x', '# [', '[[]', '[^a-z][0]']
  for (const pattern of closed) expect(unclosedPattern([pattern]), pattern).toBeNull()
  const open = ['[', '[]', '[!]', '[]a', '[[:digit:]', '[a\\]', '\\\\[x', '!keep[', '[a]/[b']
  for (const pattern of open) expect(unclosedPattern([pattern])).toBe(pattern)
  expect(unclosedPattern(['[[:a:]'.repeat(150)])).not.toBeNull()
})

test.each([
  [{ closedMark: '' }, 'cannot be a mark'],
  [{ sentMark: 'a/b' }, 'cannot be a mark'],
  [{ closedMark: 'done', sentMark: 'done' }, 'done'],
])('batch marks: %j is refused with a reason', (batch, why) => {
  const settings = settingsSchema.parse({
    sources: [{ id: 's', path: '/data', name: 'data', kind: 'batch' }],
  })
  expect(() => withSourceChanged(settings, 's', { batch })).toThrow(why)
  expect(withSourceChanged(settings, 's', { batch: { prefix: 'DC' } }).sources[0]?.batch.prefix).toBe('DC')
})

test('settings change: a change of one setting leaves the others of its group unchanged', () => {
  const schedule = [{ days: [1], from: '08:00', to: '18:00', allow: 'pause' as const }]
  const settings = settingsSchema.parse({
    check: { intervalSeconds: 20, slowSeconds: 3 },
    send: { retrySeconds: 9, bytesPerSecond: 5000, schedule },
  })
  const change = (input: unknown) => withChanges(settings, changeableSettingsSchema.parse(input))
  expect(change({ send: { retrySeconds: 10 } })).toEqual({
    ...settings,
    send: { ...settings.send, retrySeconds: 10 },
  })
  expect(change({ check: { slowSeconds: 4 } }).check).toEqual({
    ...settings.check,
    slowSeconds: 4,
  })
  expect(change({ send: { bytesPerSecond: null, schedule: undefined } }).send).toEqual({
    ...settings.send,
    bytesPerSecond: null,
  })
  expect(change({ theme: 'dark', send: undefined })).toEqual({ ...settings, theme: 'dark' })
})

test('muted alerts: removing a source or a checked path removes its mute', () => {
  const settings = settingsSchema.parse({
    sources: [{ id: 's', path: '/data', name: 'data' }],
    checkedPaths: [{ id: 'c', path: '/disk' }],
    alerts: { muted: { s: null, c: null, other: null } },
  })
  expect(withoutSource(settings, 's').alerts.muted).toEqual({ c: null, other: null })
  expect(withoutChecked(settings, 'c').alerts.muted).toEqual({ s: null, other: null })
})

test('channel order: it has each channel once, and no other', () => {
  const channel = (id: string) => ({ id, name: id, type: 'webhook' })
  const settings = settingsSchema.parse({ alerts: { channels: [channel('a'), channel('b')] } })
  const order = (...ids: string[]) => withChannelOrder(settings, ids).alerts.channels.map(({ id }) => id)
  expect(order('b', 'a')).toEqual(['b', 'a'])
  for (const ids of [['a'], ['a', 'a'], ['a', 'b', 'b'], ['a', 'b', 'other'], ['a', 'other']])
    expect(() => order(...ids), ids.join()).toThrow('every channel once')
})

test('removed channel: it leaves the channels of the regular report, which does not go to others instead', () => {
  const channel = (id: string) => ({ id, name: id, type: 'webhook' })
  const settings = settingsSchema.parse({
    alerts: { channels: [channel('a'), channel('b')] },
    report: { every: 'month', channels: ['a'] },
  })
  expect(withoutChannel(settings, 'b').report).toEqual({ every: 'month', channels: ['a'] })
  expect(withoutChannel(settings, 'a').report).toEqual({ every: 'month', channels: [] })
  expect(
    withoutChannel({ ...settings, report: { every: 'week', channels: null } }, 'a').report.channels,
  ).toBeNull()
})
