// @module-tag timeless
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AskedCommand } from '../../../cli/ask/own-agent.ts'
import { askForChange } from '../../../cli/ask/settings-change.ts'
import { type ChannelType, catalog, getFields } from '../../../core/alerts/channels/catalog.ts'
import { type DestinationKind, destinationKinds, getKind } from '../../../core/backends/kinds.ts'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import { differences, LONGEST_PREVIEW } from '../../../core/settings/changes.ts'
import { getSinkFields, sinkKinds } from '../../../core/settings/event-sinks.ts'
import { missingSecrets } from '../../../core/settings/import-export.ts'
import { type Settings, settingsSchema } from '../../../core/settings/schema.ts'
import { openSecrets, saveSettings } from '../../../core/settings/secrets.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

// Every kind of channel, destination and sink, from the catalogs: a new kind, or a new field, fails here until it is
// decided whether a secret stays when it changes.

/** For each field two valid values. */
type Values = Readonly<Record<string, readonly [unknown, unknown]>>

const HASH = ['a'.repeat(64), 'b'.repeat(64)] as const
const NAMES = ['ada', 'eve'] as const

const channelValues: Values = {
  ...{ to: ['a@b', 'c@d'], from: ['a@b', 'c@d'], chat: NAMES, topic: NAMES, user: NAMES, program: NAMES },
  ...{ host: ['mx.one', 'mx.two'], port: ['25', '2525'], security: ['tls', 'none'], certificate: HASH },
  ...{ endpoint: ['https://one', 'https://two'], server: ['https://one', 'https://two'], every: ['5', '6'] },
}
const sinkValues: Values = {
  ...{ broker: ['mqtts://one', 'mqtts://two'], topic: NAMES, user: NAMES, ca: ['/one', '/two'] },
}
const destinationValues: Values = {
  ...{ fingerprint: HASH, host: ['one', 'two'], port: [1, 2], path: ['/one', '/two'], folder: NAMES },
  ...{ user: NAMES, login: ['password', 'agent'], keyFile: ['/one', '/two'], certificate: HASH },
  ...{ hostKey: [`SHA256:${'a'.repeat(43)}`, `SHA256:${'b'.repeat(43)}`], bucket: NAMES, prefix: NAMES },
  ...{ endpoint: ['https://one', 'https://two'], region: NAMES, pathStyle: [true, false] },
  ...{ storageClass: NAMES, lockDays: [1, 2], url: ['https://one/', 'https://two/'] },
}

/** The fields of each kind whose change leaves the secrets where they are: the same server, the same user. */
const sameServer: Readonly<Record<string, readonly string[]>> = {
  'channel line': ['to'],
  'channel mail': ['from', 'to'],
  'channel ntfy': ['topic'],
  'channel telegram': ['chat'],
  'channel ping': ['every'],
  'sink mqtt': ['topic'],
  'destination sftp': ['path', 'folder', 'login', 'keyFile'],
  'destination s3': ['bucket', 'prefix', 'folder', 'region', 'pathStyle', 'storageClass', 'lockDays'],
  'destination webdav': ['folder'],
}

interface Case {
  kind: string
  /** The id of its secrets. */
  owner: string
  field: string
  secrets: readonly string[]
  before: object
  after: object
  /** The change by the command for one entry; null: there is none. */
  command: AskedCommand | null
}

const valuesOf = (all: Values, names: readonly string[], changed: string): Record<string, unknown> =>
  Object.fromEntries(
    names.map((name) => {
      const values = all[name]
      if (values === undefined) throw new Error(`the test lacks values of the new field "${name}"`)
      return [name, values[name === changed ? 1 : 0]]
    }),
  )

const ofCatalog = (
  kind: string,
  owner: string,
  fields: readonly { name: string; isSecret: boolean }[],
  toSettings: (changed: string) => object,
  toCommand: (changed: string) => AskedCommand | null,
): Case[] => {
  const secrets = fields.filter(({ isSecret }) => isSecret).map(({ name }) => name)
  return fields
    .filter(({ isSecret }) => !isSecret)
    .map(({ name: field }) => ({
      ...{ kind, owner, field, secrets, before: toSettings(''), after: toSettings(field) },
      command: toCommand(field),
    }))
}

const split = (fields: readonly { name: string; kind?: string; role?: string }[]) =>
  fields.map(({ name, kind, role }) => ({ name, isSecret: kind === 'secret' || role === 'secret' }))
const plainNames = (fields: ReturnType<typeof split>) =>
  fields.filter(({ isSecret }) => !isSecret).map(({ name }) => name)

const channels = (Object.keys(catalog) as ChannelType[]).flatMap((type) => {
  const fields = split(getFields(type))
  const entry = (changed: string) => ({
    ...{ id: 'one', name: 'One', type, options: valuesOf(channelValues, plainNames(fields), changed) },
  })
  const toCommand = (changed: string): AskedCommand => ({
    command: 'changeChannel',
    input: { channel: entry(changed), secrets: {} },
  })
  return ofCatalog(
    `channel ${type}`,
    'one',
    fields,
    (changed) => ({ alerts: { channels: [entry(changed)] } }),
    toCommand,
  )
})
const sinks = sinkKinds.flatMap((kind) => {
  const fields = split(getSinkFields(kind))
  return ofCatalog(
    `sink ${kind}`,
    'sink:one',
    fields,
    (changed) => ({
      events: {
        sinks: [{ id: 'one', name: 'One', kind, options: valuesOf(sinkValues, plainNames(fields), changed) }],
      },
    }),
    () => null,
  )
})
const destinations = destinationKinds.flatMap((kind: DestinationKind) => {
  const fields = split(getKind(kind).fields)
  const entry = (changed: string) => ({
    ...{ id: 'one', name: 'One', kind },
    ...valuesOf(destinationValues, plainNames(fields), changed),
  })
  return ofCatalog(
    `destination ${kind}`,
    'one',
    fields,
    (changed) => ({ destinations: [entry(changed)] }),
    (changed) => {
      const { id, ...destination } = entry(changed)
      return { command: 'changeDestination', input: { id, destination, secrets: {} } }
    },
  )
})

const all = [...channels, ...sinks, ...destinations].filter(({ secrets }) => secrets.length > 0)

const proxyAt = (address: string) => ({ proxy: { use: 'address', address, user: 'ada' } })
const computerAt = (address: string) => ({
  computers: [{ id: 'one', name: 'One', address, certificate: HASH[0] }],
})

/** Imports that add, with the id of an owner's secrets, an entry of another list, whose server gets its secrets by id. */
const intruders = [
  ...all.filter(({ kind, field }) => all.find((one) => one.kind === kind)?.field === field),
  { kind: 'proxy', owner: 'network:proxy', secrets: ['password'], before: proxyAt('http://p:1') },
  { kind: 'computer', owner: 'one', secrets: ['token'], before: computerAt('https://one:8420/') },
].flatMap(({ kind: owned, owner, secrets, before }) => {
  const lists = [
    ...channels.map(({ kind, before }) => ({ kind, list: 'channel', after: before })),
    ...destinations.map(({ kind, before }) => ({ kind, list: 'destination', after: before })),
  ]
  return lists
    .filter(({ kind }, index) => lists.findIndex((one) => one.kind === kind) === index)
    .filter(({ list }) => !owned.startsWith(list) && (list === 'destination' || !owner.includes(':')))
    .filter(({ kind }) => all.some((one) => one.kind === kind))
    .map(({ kind, after }) => ({
      ...{ kind, owned, owner, secrets, before },
      after: {
        ...before,
        ...(JSON.parse(JSON.stringify(after).replaceAll('"id":"one"', `"id":"${owner}"`)) as object),
      },
    }))
})

/** Writes a data directory with these settings, and with a value for each secret. */
function dataDirectory(settings: object, owner: string, secrets: readonly string[]): string {
  const data = path.join(temporaryDirectory('moved-secrets'), 'data')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, ...settings }))
  const values = Object.fromEntries(secrets.map((name) => [name, { plain: `https://stored/${name}` }]))
  writeFileSync(
    path.join(data, 'secrets.json'),
    JSON.stringify({ version: 2, owners: { [owner]: values } }),
    { mode: 0o600 },
  )
  return data
}

const isStored = (data: string) => readFileSync(path.join(data, 'secrets.json'), 'utf8').includes('stored')

describe('stored secrets', () => {
  test('each kind with a server and a secret has a field that decides where the secret goes', () => {
    const kinds = new Set(all.map(({ kind }) => kind))
    const moving = new Set(
      all.filter(({ kind, field }) => !sameServer[kind]?.includes(field)).map(({ kind }) => kind),
    )
    // The address of a ping is the secret itself.
    expect([...kinds].filter((kind) => !moving.has(kind))).toEqual(['channel ping'])
  })

  test.each(all)(
    'settings import: $kind with another $field',
    async ({ kind, owner, field, secrets, before, after }) => {
      const data = dataDirectory(before, owner, secrets)
      await askForChange(data, () => ({
        command: 'importSettings',
        input: { settings: settingsSchema.parse(after) },
      }))
      expect(isStored(data)).toBe(sameServer[kind]?.includes(field) === true)
    },
  )

  test.each(all.flatMap((one) => (one.command === null ? [] : [{ ...one, command: one.command }])))(
    'settings command: $kind with another $field',
    async ({ kind, owner, field, secrets, before, command }) => {
      const data = dataDirectory(before, owner, secrets)
      const wanted = settingsSchema.parse(before)
      const { settings, refusal } = await askForChange(data, () => command).then(
        ({ settings, output }) => ({ settings, refusal: JSON.stringify(output) }),
        (error: unknown) => {
          if (!(error instanceof UserError)) throw error
          return { settings: wanted, refusal: error.sentence.key }
        },
      )
      const isSame = JSON.stringify(settings) === JSON.stringify(wanted)
      // A refusal leaves both as they were.
      if (sameServer[kind]?.includes(field) !== true)
        expect({ isStored: isStored(data), refusal }).toMatchObject({ isStored: isSame })
      else expect(isStored(data)).toBe(true)
    },
  )

  test.each(all)(
    'settings import: the preview of $kind with another $field shows both values and who lacks a secret',
    ({ kind, owner, field, secrets, before, after }) => {
      const [now, next] = [settingsSchema.parse(before), settingsSchema.parse(after)]
      const [list] = kind.split(' ')
      expect(differences(now, next, LONGEST_PREVIEW)).toEqual([
        {
          ...{ kind: list, change: 'changed', name: 'One' },
          details: [expect.stringMatching(new RegExp(`^(options\\.)?${field}: \\S+ → \\S+$`))],
        },
      ])
      const stored = { [owner]: Object.fromEntries(secrets.map((secret) => [secret, 'stored'])) }
      const isKept = sameServer[kind]?.includes(field) === true
      expect(missingSecrets(now, next, stored, [])).toEqual(isKept ? [] : ['One'])
    },
  )

  test.each(intruders)(
    'settings import: $kind beside $owned with the same id gets no secret of it',
    async ({ owner, secrets, before, after }) => {
      const data = dataDirectory(before, owner, secrets)
      await askForChange(data, () => ({
        command: 'importSettings',
        input: { settings: settingsSchema.parse(after) },
      }))
      expect(isStored(data)).toBe(false)
    },
  )

  test('settings import: the proxy and the watched computers stay those of this computer, with their secrets', async () => {
    for (const [owner, secret, before, after] of [
      ['network:proxy', 'password', proxyAt('http://p:1'), proxyAt('http://evil:1')],
      ['one', 'token', computerAt('https://one:8420/'), computerAt('https://evil:8420/')],
    ] as const) {
      const data = dataDirectory(before, owner, [secret])
      const { settings } = await askForChange(data, () => ({
        command: 'importSettings',
        input: { settings: settingsSchema.parse(after) },
      }))
      expect(settings).toMatchObject(before)
      expect(isStored(data)).toBe(true)
    }
  })

  test('a proxy and a watched computer keep their secrets for the same server only', async () => {
    const at = (address: string, user = 'ada') => ({ use: 'address', address, user })
    for (const [proxy, expected] of [
      [{ ...at('http://p:1'), except: ['a.example'] }, true],
      [{ ...at('http://p:1'), use: 'none' }, true],
      [at('http://q:1'), false],
      [at('http://p:1', 'eve'), false],
      [at('http://p:1', ''), false],
    ] as const) {
      const data = dataDirectory({ proxy: at('http://p:1') }, 'network:proxy', ['password'])
      await askForChange(data, () => ({ command: 'setProxy', input: { proxy, secrets: {} } }))
      expect(isStored(data), JSON.stringify(proxy)).toBe(expected)
    }
    const computer = { id: 'one', name: 'One', address: 'https://one:8420/', certificate: HASH[0] }
    const data = dataDirectory({ computers: [computer] }, 'one', ['token'])
    await askForChange(data, () => ({ command: 'removeComputer', input: { id: 'one' } }))
    expect(isStored(data)).toBe(false)
  })
})

const withHook = (changes: object) => (before: Settings) => {
  const hook = { id: 'hook', name: 'Hook', type: 'webhook' as const, enabled: true, options: {} }
  return settingsSchema.parse({
    ...before,
    alerts: { ...before.alerts, channels: [{ ...hook, ...changes }] },
  })
}

/** A data directory whose settings have a webhook with its address. */
function openHook() {
  const directory = temporaryDirectory('refused-change')
  const settings = openSettings(directory)
  const secrets = openSecrets(directory, null)
  saveSettings(settings, secrets, withHook({}), { id: 'hook', values: { url: 'https://one' } })
  return { directory, settings, secrets }
}

test('secrets: a change that the settings refuse forgets none', () => {
  const { settings, secrets } = openHook()
  const refused = (before: Settings) => ({
    ...withHook({ id: 'other' })(before),
    check: { ...before.check, intervalSeconds: 3601 },
  })
  expect(() => saveSettings(settings, secrets, refused)).toThrow('cannot be saved')
  expect(secrets.get()).toEqual({ hook: { url: 'https://one' } })
})

test('secrets: while the settings file is set aside they stay, and no other place gets them', () => {
  const { directory } = openHook()
  const file = path.join(directory, 'settings.json')
  const kept = readFileSync(file)
  writeFileSync(file, '{')
  const settings = openSettings(directory)
  const secrets = openSecrets(directory, null)
  saveSettings(settings, secrets, (before) => ({ ...before, language: 'zh-TW' }))
  writeFileSync(file, kept)
  expect(openSettings(directory).get().alerts.channels).toMatchObject([{ id: 'hook' }])
  expect(openSecrets(directory, null).get()).toEqual({ hook: { url: 'https://one' } })
  saveSettings(settings, secrets, withHook({ type: 'ntfy', options: { topic: 'eve' } }))
  expect(secrets.get()).toEqual({})
})
