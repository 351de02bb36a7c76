import { expect, test } from 'vitest'
import { differences } from '../../../core/settings/changes.ts'
import { withEjected } from '../../../core/settings/destinations.ts'
import {
  exportedText,
  importedSettings,
  missingSecrets,
  withImported,
} from '../../../core/settings/import-export.ts'
import { defaultSettings, settingsSchema } from '../../../core/settings/schema.ts'

const mail = { id: 'mail', name: 'Mail', type: 'mail', options: { host: 'mx', from: 'a@b', to: 'c@d' } }
const slack = { id: 'slack', name: 'Slack', type: 'slack' }
const sftp = {
  ...{ id: 'sftp', name: 'nas', kind: 'sftp', host: 'nas', user: 'ada', folder: 'here' },
  hostKey: `SHA256:${'a'.repeat(43)}`,
}
const settings = settingsSchema.parse({
  sources: [{ id: 's', path: '/photos', name: 'photos', hidden: 'leave-out' }],
  check: { intervalSeconds: 60 },
  send: { schedule: [{ days: [1], from: '08:00', to: '18:00', allow: 'pause' }] },
  destinations: [sftp],
  alerts: { channels: [slack] },
  pause: { since: 1, until: null },
})

test('settings import: exported settings are imported unchanged, except for the current pause', () => {
  const imported = importedSettings(exportedText(settings, 'pc'), 'file', 'other')
  expect(imported).toEqual({ ...settings, pause: null })
  expect(withImported(settings, imported)).toEqual(settings)
})

test('settings import: an ejected disk is not exported, and stays ejected', () => {
  const usb = { id: 'usb', name: 'usb', kind: 'folder', path: '/mnt/usb' }
  const inUse = settingsSchema.parse({ ...settings, destinations: [usb, sftp] })
  const ejected = withEjected(inUse, 'usb', { since: 1, point: '/mnt/usb', seen: null })
  const imported = importedSettings(exportedText(ejected, 'pc'), 'file', 'pc')
  expect(imported.destinations).toEqual(inUse.destinations)
  expect(withImported(ejected, imported)).toEqual({ ...ejected, pause: settings.pause })
  expect(differences(ejected, imported, 100)).toEqual([])
  expect(withEjected(ejected, 'usb', null)).toEqual(inUse)
  expect(() => withEjected(inUse, 'sftp', null)).toThrow('“nas” is not a folder')
})

test('settings import: a destination folder named after its computer gets the name of the new computer', () => {
  const imported = importedSettings(exportedText(settings, 'here'), 'file', 'there')
  expect(imported.destinations).toEqual([{ ...settings.destinations[0], folder: 'there' }])
  expect(importedSettings(exportedText(settings, 'here'), 'file', 'here').destinations).toEqual(
    settings.destinations,
  )
})

test.each([
  ['invalid JSON', '{', /^file is not a settings file/],
  ['unrelated JSON', '{"name": "some-package"}', /^file is not a settings file/],
  ['a setting outside its limits', '{"version": 1, "check": {"intervalSeconds": 0}}', /intervalSeconds/],
  ['the version of a newer Holdfast', '{"version": 2}', /newer Holdfast/],
])('settings import: a file with %s is refused', (_, text, why) => {
  expect(() => importedSettings(text, 'file', 'pc')).toThrow(why)
})

test('settings import: a command channel is refused unless the settings already contain it', () => {
  const program = { id: 'run', name: 'run', type: 'command', options: { program: '/bin/true' } }
  const withProgram = settingsSchema.parse({ alerts: { channels: [program] } })
  expect(() => withImported(defaultSettings, withProgram)).toThrow(/settings/)
  expect(withImported(withProgram, withProgram).alerts.channels).toHaveLength(1)
})

test('settings import: more sinks than the maximum, with those of this computer, are refused before anything changes', () => {
  const run = { id: 'run', name: 'Run', kind: 'command', command: ['/bin/true'] }
  const hooks = Array.from({ length: 20 }, (_, index) => ({
    id: `h-${index}`,
    name: `H${index}`,
    kind: 'webhook',
  }))
  const withSinks = (...sinks: object[]) => settingsSchema.parse({ events: { sinks } })
  expect(() => withImported(withSinks(run), withSinks(...hooks))).toThrow(
    '21 sinks of events; 20 is the maximum',
  )
  expect(withImported(withSinks(run), withSinks(...hooks.slice(1))).events.sinks).toHaveLength(20)
})

test('settings import: sinks that run a program stay as they are, and the other sinks are replaced', () => {
  const run = { id: 'run', name: 'Run', kind: 'command', command: ['/bin/true'], since: 1 }
  const hook = { id: 'hook', name: 'Hook', kind: 'webhook', since: 2 }
  const withSinks = (...sinks: object[]) => settingsSchema.parse({ events: { sinks } })
  const here = withSinks(run, hook)
  expect(withImported(here, withSinks()).events.sinks).toEqual(withSinks(run).events.sinks)
  const changed = { ...run, name: 'Other', enabled: false, types: ['file.durable'] }
  const added = { ...hook, id: 'added' }
  expect(withImported(here, withSinks(changed, { ...changed, id: 'second' }, added)).events.sinks).toEqual(
    withSinks(run, added).events.sinks,
  )
  const instead = { ...hook, id: 'run' }
  expect(withImported(here, withSinks(instead)).events.sinks).toEqual(withSinks(run).events.sinks)
  expect(() => withImported(here, withSinks({ ...run, command: ['/bin/false'] }))).toThrow(/settings/)
})

test('settings export and import: the web page, its tokens and watched computers stay with this computer', () => {
  const token = { id: 't', name: 'ada', role: 'operator', digest: 'a'.repeat(64), createdAt: 1 }
  const computers = [{ id: 'c', name: 'roof', address: 'https://roof:8420/' }]
  const here = settingsSchema.parse({ web: {}, webTokens: [token], computers })
  expect(exportedText(here, 'here')).not.toMatch(/web|computers/)
  const there = settingsSchema.parse({ web: { port: 1 }, webTokens: [{ ...token, name: 'eve' }] })
  expect(withImported(here, there)).toEqual(here)
})

test('settings export and import: muting everything stays with this computer, and that of one place is exported', () => {
  const mutedAs = (muted: Record<string, number>) => settingsSchema.parse({ alerts: { muted } })
  expect(JSON.parse(exportedText(mutedAs({ '*': 5, s: 6 }), 'here')).alerts.muted).toEqual({ s: 6 })
  const imported = withImported(mutedAs({ '*': 5, s: 6 }), mutedAs({ '*': 7, t: 8 }))
  expect(imported.alerts.muted).toEqual({ '*': 5, t: 8 })
  expect(withImported(mutedAs({}), mutedAs({ '*': 7 })).alerts.muted).toEqual({})
})

test('settings differences: added, removed and changed items are listed, and settings with both values', () => {
  const next = settingsSchema.parse({
    ...settings,
    sources: [
      { id: 's', path: '/photos', name: 'photos', priority: 'high' },
      { id: 'new', path: '/raw', name: 'raw' },
    ],
    destinations: [],
    check: {},
    theme: 'dark',
  })
  expect(differences(settings, next, 100)).toEqual([
    {
      kind: 'source',
      change: 'changed',
      name: 'photos',
      details: ['hidden: "leave-out" → "send"', 'priority: "normal" → "high"'],
    },
    { kind: 'source', change: 'added', name: 'raw', details: [] },
    { kind: 'destination', change: 'removed', name: 'nas', details: [] },
    { kind: 'setting', change: 'changed', name: 'check.intervalSeconds', details: ['60', '10'] },
    { kind: 'setting', change: 'changed', name: 'theme', details: ['"system"', '"dark"'] },
  ])
  expect(differences(settings, settings, 100)).toEqual([])
})

test('settings differences: a change of any setting is listed', () => {
  // The web page and the watched computers are neither exported nor imported; the accepted disks are those of a computer.
  const notImported = ['web', 'webTokens', 'computers', 'acceptedDisks']
  const things = ['version', 'pause', 'sources', 'checkedPaths', 'destinations', ...notImported]
  const others = Object.entries(defaultSettings).filter(([name]) => !things.includes(name))
  const isUnnamed = ([name, value]: [string, unknown]) => {
    const isGroup = typeof value === 'object' && value !== null
    const next = { ...defaultSettings, [name]: isGroup ? { ...value, more: 1 } : 'other' }
    return differences(defaultSettings, next as typeof defaultSettings, 100).length === 0
  }
  expect(others.filter(isUnnamed).map(([name]) => name)).toEqual([])
})

test('missing secrets: destinations and channels without a required secret are listed, optional ones are not', () => {
  const receiver = {
    id: 'r',
    kind: 'receiver',
    name: 'away',
    host: 'h',
    port: 1,
    fingerprint: 'a'.repeat(64),
  }
  const imported = settingsSchema.parse({
    destinations: [sftp, receiver],
    alerts: { channels: [mail, slack] },
  })
  const missing = (now: unknown, secrets = {}, unreadable: string[] = []) =>
    missingSecrets(settingsSchema.parse(now), imported, secrets, unreadable)
  expect(missing({})).toEqual(['away', 'nas', 'Slack'])
  // Who logs in as somebody has a password.
  const named = { ...mail, options: { ...mail.options, user: 'me' } }
  const withUser = settingsSchema.parse({ alerts: { channels: [named] } })
  expect(missingSecrets(withUser, withUser, {}, [])).toEqual([named.name])
  expect(missing(imported, { sftp: { password: 'x' } }, ['slack'])).toEqual([])
})

test('settings import: another server is shown as old → new, and its owner is named as lacking its secret', () => {
  const line = (endpoint?: string) => {
    const options = { to: 'U1', ...(endpoint !== undefined && { endpoint }) }
    return settingsSchema.parse({
      alerts: { channels: [{ id: 'line', name: 'Line', type: 'line', options }] },
    })
  }
  const [now, next] = [line(), line('https://evil.example')]
  expect(differences(now, next, 2_100)).toEqual([
    {
      ...{ kind: 'channel', change: 'changed', name: 'Line' },
      details: ['options.endpoint: "https://api.line.me" → "https://evil.example"'],
    },
  ])
  expect(missingSecrets(now, next, { line: { token: 't' } }, [])).toEqual(['Line'])
  expect(missingSecrets(now, now, { line: { token: 't' } }, [])).toEqual([])
})
