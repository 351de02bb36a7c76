import { describe, expect, test } from 'vitest'
import { type CatalogEntry, catalog, channelTypes, NATIVE } from '../../../core/alerts/channels/catalog.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { ChannelForm } from '../../../renderer/features/channels/channel-form.tsx'
import { ChannelSays } from '../../../renderer/features/channels/channel-health.tsx'
import { ChannelsPart } from '../../../renderer/features/channels/channels-part.tsx'
import { TellingPart } from '../../../renderer/features/channels/telling-part.tsx'
import { parseWallTime } from '../../../renderer/features/channels/wall-time.ts'
import { SilencePart } from '../../../renderer/features/overview/silence-part.tsx'
import { alertsSettings, channel, channelState, emptyState, sourceState } from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const said = (reason: string) => message('problem.other', { reason })
const photos = sourceState('Photos', '/mnt/photos').settings
const mail = channel('mail-1', {
  name: 'Operators',
  type: 'mail',
  options: { host: 'mail.example.org', from: 'a@example.org', to: 'b@example.org' },
  severity: 'critical',
  sources: [photos.id],
  standby: true,
})
const phone = channel('ntfy-1', { name: 'Phone' })
const settings = { ...alertsSettings({ channels: [mail, phone] }), sources: [photos] }
const part = (changes: Partial<Parameters<typeof emptyState>[0]> = {}) => (
  <ChannelsPart state={emptyState({ settings, ...changes })} />
)

describe('channel list', () => {
  test('system notifications come first, then the other channels in order with severity, sources and standby', () => {
    expect(renderWords(part())).toMatch(
      /System notifications.*\[Operators\].*· critical only · Photos · standby.*\[Phone\]/,
    )
  })

  test('each channel shows its condition, the reason, and the number of waiting messages', () => {
    const channels = [
      channelState(NATIVE, { condition: 'ok', at: Date.now() - 60_000 }),
      channelState(mail.id, { condition: 'retrying', sentence: said('It is away.'), waiting: 2 }),
      channelState(phone.id, { condition: 'ok', sentence: said('180 of 200 used.') }),
    ]
    const words = renderWords(part({ channels }))
    expect(words).toMatch(/works \d+ (?:sec|min) ago/)
    expect(words).toMatch(
      /trying again 2 messages waiting Send test It is away\..*works Send test 180 of 200 used\./,
    )
    expect(renderMarkup(part({ channels }))).toMatch(/card-problem warn[^>]*>It is away/)
    const refused = [channelState(phone.id, { condition: 'refused', sentence: said('Unknown token.') })]
    expect(renderWords(part({ channels: refused }))).toContain('refused Send test Unknown token.')
  })

  test('a disabled channel is shown as off, not as working', () => {
    const off = { ...alertsSettings({ channels: [{ ...phone, enabled: false }] }), notifications: false }
    const channels = [channelState(NATIVE), channelState(phone.id, { condition: 'ok', at: Date.now() })]
    const words = renderWords(part({ settings: off, channels }))
    expect(words).not.toContain('works')
    expect(words.match(/ off /g)).toHaveLength(2)
  })

  test('a channel without a required secret shows which secret is missing', () => {
    const line = channel('line-1', { type: 'line', options: { to: 'U1' } })
    const lost = alertsSettings({ channels: [line] })
    const lists = [channelState(line.id)]
    expect(renderWords(part({ settings: lost, channels: lists }))).toMatch(/Missing: \S+.*Edit the channel/)
    const found = [channelState(line.id, { secrets: ['token'] })]
    expect(renderWords(part({ settings: lost, channels: found }))).not.toContain('Missing:')
  })

  test('a mail server with an untrusted certificate shows the fingerprint for confirmation', () => {
    const fingerprint = 'ab'.repeat(32)
    const key = 'channel.mail.untrusted' as const
    const sentence = message(key, { host: 'mail.example.org:465', reason: 'x', fingerprint })
    const channels = [channelState(mail.id, { condition: 'retrying', sentence })]
    const words = renderWords(part({ channels }))
    expect(words).toContain('Is this the server’s certificate?')
    expect(words).toContain(fingerprint)
    expect(words).toContain('It is the right one')
  })

  test('the secret storage is described only where secrets are stored outside a keyring', () => {
    const channels = [channelState(mail.id, { secrets: ['password'] })]
    expect(renderWords(part({ channels, secretStorage: 'weak' }))).toContain('without a password')
    expect(renderWords(part({ channels, secretStorage: 'file' }))).toContain('only this user may read')
    expect(renderWords(part({ channels }))).not.toMatch(/[Ss]ecrets are kept/)
    expect(renderWords(part({ secretStorage: 'weak' }))).not.toContain('without a password')
  })
})

test('channel health: the result of a test is shown once, until a newer result arrives', () => {
  const says = (delivered: boolean, before = '429.', at = 1_000) => (
    <ChannelSays
      now={channelState(phone.id, { condition: 'refused', sentence: said(before), at })}
      on
      tested={{ delivered, sentence: said('401.'), at: 1_000 }}
    />
  )
  expect(renderWords(says(false))).toContain('429. 401.')
  expect(renderWords(says(false, '401.'))).toBe(' 401. ')
  expect(renderMarkup(says(false, '401.'))).toContain('card-problem')
  expect(renderMarkup(says(true, '401.'))).not.toContain('card-problem')
  expect(renderWords(says(false, '429.', 1_001))).not.toContain('401.')
})

describe('channel form', () => {
  const form = (type: keyof typeof catalog, stored: string[] = [], edited: typeof mail | null = null) => (
    <ChannelForm
      type={type}
      channel={edited}
      stored={stored}
      state={emptyState({ settings })}
      onBack={null}
      onDone={() => undefined}
    />
  )

  test.each(channelTypes)(
    'the %s form has a password field for each secret, its help link, and text in both languages',
    (type) => {
      const entry: CatalogEntry = catalog[type]
      const markup = renderMarkup(form(type))
      const secrets = entry.fields.filter(({ kind }) => kind === 'secret')
      expect(markup.match(/type="password"/g) ?? []).toHaveLength(secrets.length)
      if (entry.help !== '') expect(markup).toContain(entry.help)
      for (const language of ['en', 'zh-TW'] as const)
        expect(renderWords(form(type), language)).not.toMatch(/(channel|window)\.\w/)
    },
  )

  test('an existing channel shows its values, and its secret only as stored, with a Clear button', () => {
    const markup = renderMarkup(form('mail', ['password'], mail))
    expect(markup).toContain('value="mail.example.org"')
    expect(markup).toMatch(/type="password"[^>]*placeholder="stored"/)
    expect(renderWords(form('mail', ['password'], mail))).toContain('Clear')
  })
})

describe('quiet hours', () => {
  test('the times are shown only while quiet hours are set', () => {
    const none = renderMarkup(<TellingPart settings={alertsSettings({})} />)
    expect(none).not.toContain('placeholder="22:00"')
    const quietHours = { from: '21:30', to: '06:00' }
    const markup = renderMarkup(<TellingPart settings={alertsSettings({ quietHours })} />)
    expect(markup).toContain('value="21:30"')
    expect(markup).toContain('value="06:00"')
  })

  test.each([
    ['22:00', '22:00'],
    [' 7:05 ', '07:05'],
    ['24:00', null],
    ['7', null],
    ['7:5', null],
    ['12:60', null],
    ['', null],
  ])('the typed time %j is parsed as %s', (typed, expected) => {
    expect(parseWallTime(typed)).toBe(expected)
  })
})

test('silence setting: a source shows after how many hours it notifies, or "never" if empty', () => {
  expect(renderMarkup(<SilencePart settings={{ ...photos, silentHours: 6 }} />)).toContain('value="6"')
  expect(renderMarkup(<SilencePart settings={photos} />)).toContain('placeholder="never"')
  expect(renderWords(<SilencePart settings={{ ...photos, kind: 'batch' }} />)).toContain('is not closed')
})
