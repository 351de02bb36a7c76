import { describe, expect, test } from 'vitest'
import { channelTypes, missingSecrets, readAddresses } from '../../../core/alerts/channels/catalog.ts'
import { channelSchema } from '../../../core/alerts/settings.ts'
import {
  type ChannelDraft,
  moveId,
  newChannelId,
  newDraft,
  readDraft,
  toDraft,
} from '../../../renderer/features/channels/channel-draft.ts'
import { channel } from './fake-state.ts'

const about = { id: 'c', enabled: true, usualName: 'Mail', stored: [], sources: ['s1', 's2'] }
const mail = (changes: Partial<ChannelDraft> = {}): ChannelDraft => ({
  ...newDraft('mail'),
  options: { host: 'mail.example.org', from: 'a@example.org', to: 'b@example.org, c@example.org' },
  ...changes,
})

test('channel draft: the secret is passed apart from the channel, and not read back from it', () => {
  const draft = mail({ secrets: { password: ' hush ' } })
  const { given } = readDraft(draft, { ...about, type: 'mail' })
  expect(given?.secrets).toEqual({ password: 'hush' })
  expect(JSON.stringify(given?.channel)).not.toContain('hush')
  // What is shown of it again comes from the settings alone.
  expect(given && toDraft(given.channel).secrets).toEqual({})
})

describe('channel draft, stored secret', () => {
  const line = channel('line', { type: 'line', options: { to: 'U1' } })
  const stored = { ...about, type: 'line', stored: ['token'] } as const

  test('an empty field keeps the stored secret', () => {
    expect(readDraft(toDraft(line), stored).given?.secrets).toEqual({})
  })

  test('a typed value replaces the stored secret', () => {
    const draft = { ...toDraft(line), secrets: { token: 'new' } }
    expect(readDraft(draft, stored).given?.secrets).toEqual({ token: 'new' })
  })

  test('a cleared secret is removed, unless the channel requires it', () => {
    const needed = readDraft({ ...toDraft(line), cleared: ['token'] }, stored)
    expect(needed).toEqual({ given: null, problems: { token: 'missing' } })
    const read = readDraft(mail({ cleared: ['password'] }), { ...about, type: 'mail', stored: ['password'] })
    expect(read.given?.secrets).toEqual({ password: '' })
  })

  test('a required secret that is not stored is reported as missing', () => {
    expect(missingSecrets(line, []).map(({ name }) => name)).toEqual(['token'])
    expect(missingSecrets(line, ['token'])).toEqual([])
    expect(missingSecrets({ type: 'mail', options: {} }, [])).toEqual([])
    expect(missingSecrets({ type: 'mail', options: { user: 'ops' } }, [])).toHaveLength(1)
  })
})

test.each([
  ['a missing host', { options: { ...mail().options, host: '' } }, { host: 'missing' }],
  ['an invalid address', { options: { ...mail().options, to: 'no body' } }, { to: 'invalid' }],
  ['an invalid port', { options: { ...mail().options, port: '70000' } }, { port: 'invalid' }],
  ['an empty choice of sources', { sources: [] }, { sources: 'missing' }],
  ['a choice of only a removed source', { sources: ['s9'] }, { sources: 'missing' }],
  ['an empty template', { template: ' ' }, { template: 'missing' }],
])('channel draft: %s is reported at its field, and no channel is passed on', (_what, changes, problems) => {
  expect(readDraft(mail(changes), { ...about, type: 'mail' })).toEqual({ given: null, problems })
})

test.each<[string, ReturnType<typeof readAddresses>]>([
  ['a@x.org', [{ name: '', address: 'a@x.org' }]],
  ['Station <station@x.org>', [{ name: 'Station', address: 'station@x.org' }]],
  [
    '"Doe, Jane" <j@x.org>; root,admin@localhost;',
    [
      { name: 'Doe, Jane', address: 'j@x.org' },
      { name: '', address: 'root' },
      { name: '', address: 'admin@localhost' },
    ],
  ],
  ['two words', null],
  ['a@b@c', null],
  ['Name <>', null],
  ['"open <a@x.org>', null],
  ['a <b> c', null],
  [';', null],
])('mail addresses: %s gives %j', (text, addresses) => {
  expect(readAddresses(text)).toEqual(addresses)
})

test('channel draft: a removed source is dropped, and an empty option is omitted', () => {
  const { given } = readDraft(mail({ sources: ['s2', 's9'] }), { ...about, type: 'mail' })
  expect(given?.channel.sources).toEqual(['s2'])
  expect(given?.channel.options).not.toHaveProperty('port')
})

test('channel draft: a channel without a typed name gets the usual one', () => {
  expect(readDraft(mail({ name: ' ' }), { ...about, type: 'mail' }).given?.channel.name).toBe('Mail')
  expect(readDraft(mail({ name: 'Ops' }), { ...about, type: 'mail' }).given?.channel.name).toBe('Ops')
})

test.each(channelTypes)(
  'channel draft: an empty %s form is incomplete or valid, but has no invalid value',
  (type) => {
    const { given, problems } = readDraft(newDraft(type), { ...about, type })
    if (given === null) expect(Object.values(problems)).not.toContain('invalid')
    else expect(channelSchema.safeParse(given.channel).success).toBe(true)
  },
)

test('channel draft: a complete form passes the schema of the agent unchanged', () => {
  const { given } = readDraft(mail({ template: '{title}' }), { ...about, type: 'mail' })
  expect(channelSchema.parse(given?.channel)).toEqual(given?.channel)
})

test('channel ids: each new channel gets a different valid id', () => {
  const ids = ['line-notify', 'mail', 'mail'].map((type) => newChannelId(type as 'mail'))
  expect(new Set(ids).size).toBe(3)
  for (const id of ids) expect(id).toMatch(/^[a-z0-9-]{1,40}$/)
})

test.each([
  ['b', -1, ['b', 'a', 'c']],
  ['b', 1, ['a', 'c', 'b']],
  ['a', -1, ['a', 'b', 'c']],
  ['c', 1, ['a', 'b', 'c']],
  ['x', 1, ['a', 'b', 'c']],
] as const)('channel order: moving %s by %i gives %j', (id, by, expected) => {
  expect(moveId(['a', 'b', 'c'], id, by)).toEqual(expected)
})
