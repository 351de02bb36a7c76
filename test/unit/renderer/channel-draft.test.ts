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

const about = { id: 'c', enabled: true, stored: [], sources: ['s1', 's2'] }
const mail = (changes: Partial<ChannelDraft> = {}): ChannelDraft => ({
  ...newDraft('mail', 'Mail'),
  options: { host: 'mail.example.org', from: 'a@example.org', to: 'b@example.org, c@example.org' },
  ...changes,
})

test('a channel is given to the agent with its secret apart, once', () => {
  const draft = mail({ secrets: { password: ' hush ' } })
  const { given } = readDraft(draft, { ...about, type: 'mail' })
  expect(given?.secrets).toEqual({ password: 'hush' })
  expect(JSON.stringify(given?.channel)).not.toContain('hush')
  // What is shown of it again comes from the settings alone.
  expect(given && toDraft(given.channel).secrets).toEqual({})
})

describe('a secret that is stored', () => {
  const line = channel('line', { type: 'line', options: { to: 'U1' } })
  const stored = { ...about, type: 'line', stored: ['token'] } as const

  test('is kept where nothing is typed', () => {
    expect(readDraft(toDraft(line), stored).given?.secrets).toEqual({})
  })

  test('is replaced by what is typed', () => {
    const draft = { ...toDraft(line), secrets: { token: 'new' } }
    expect(readDraft(draft, stored).given?.secrets).toEqual({ token: 'new' })
  })

  test('is taken away where it was cleared, unless the channel needs it', () => {
    const needed = readDraft({ ...toDraft(line), cleared: ['token'] }, stored)
    expect(needed).toEqual({ given: null, problems: { token: 'missing' } })
    const read = readDraft(mail({ cleared: ['password'] }), { ...about, type: 'mail', stored: ['password'] })
    expect(read.given?.secrets).toEqual({ password: '' })
  })

  test('and is lost is told', () => {
    expect(missingSecrets(line, []).map(({ name }) => name)).toEqual(['token'])
    expect(missingSecrets(line, ['token'])).toEqual([])
    expect(missingSecrets({ type: 'mail', options: {} }, [])).toEqual([])
    expect(missingSecrets({ type: 'mail', options: { user: 'ops' } }, [])).toHaveLength(1)
  })
})

test.each([
  ['no name', { name: ' ' }, { name: 'missing' }],
  ['no host', { options: { ...mail().options, host: '' } }, { host: 'missing' }],
  ['a wrong address', { options: { ...mail().options, to: 'no body' } }, { to: 'invalid' }],
  ['a wrong port', { options: { ...mail().options, port: '70000' } }, { port: 'invalid' }],
  ['no source chosen', { sources: [] }, { sources: 'missing' }],
  ['only a source that is gone', { sources: ['s9'] }, { sources: 'missing' }],
  ['an empty template', { template: ' ' }, { template: 'missing' }],
])('%s is refused before it is sent', (_what, changes, problems) => {
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
])('mail addresses: %s', (text, addresses) => {
  expect(readAddresses(text)).toEqual(addresses)
})

test('a source that is gone is forgotten, and what is left empty has its default', () => {
  const { given } = readDraft(mail({ sources: ['s2', 's9'] }), { ...about, type: 'mail' })
  expect(given?.channel.sources).toEqual(['s2'])
  expect(given?.channel.options).not.toHaveProperty('port')
})

test.each(channelTypes)('the empty form of %s gives nothing wrong to the agent', (type) => {
  const { given, problems } = readDraft(newDraft(type, 'x'), { ...about, type })
  if (given === null) expect(Object.values(problems)).not.toContain('invalid')
  else expect(channelSchema.safeParse(given.channel).success).toBe(true)
})

test('what the form gives the agent takes', () => {
  const { given } = readDraft(mail({ template: '{title}' }), { ...about, type: 'mail' })
  expect(channelSchema.parse(given?.channel)).toEqual(given?.channel)
})

test('each new channel has an id of its own', () => {
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
] as const)('%s moved by %i gives %j', (id, by, expected) => {
  expect(moveId(['a', 'b', 'c'], id, by)).toEqual(expected)
})
