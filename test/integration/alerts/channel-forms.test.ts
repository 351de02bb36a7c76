// @module-tag story
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type ChannelType, catalog, channelTypes, getFields } from '../../../core/alerts/channels/catalog.ts'
import type { OutgoingMessage } from '../../../core/alerts/channels/channel.ts'
import { getChannel } from '../../../core/alerts/channels/kinds.ts'
import { english } from '../../../core/lib/i18n/dictionaries.ts'
import { attempt, givenFor, LETTER_ID, letter, notice, SECRET, said } from '../../support/alerts/channels.ts'
import {
  type Recorded,
  type RecordingServer,
  recordingServer,
} from '../../support/servers/recording-server.ts'

// The form in which each service wants to be told, and what is its own.

async function sent(type: ChannelType, told: Partial<OutgoingMessage> = {}): Promise<Recorded> {
  const server = await recordingServer()
  await attempt(type, givenFor(type, server.origin), told, 2_000)
  const [request] = server.requests
  if (request === undefined) throw new Error('nothing was sent')
  return request
}

const TOKEN = 'S3cret-token-4711'
const { text, title, body } = letter()

test("LINE Notify channel: the request has the read-only monitor's form", async () => {
  const told = '\n[PROJ_CODE] PRJ, in disk-7\n>>> touch failed'
  expect(await sent('line-notify', { text: told })).toMatchObject({
    method: 'POST',
    path: '/api/notify',
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    },
    body: 'message=%0A%5BPROJ_CODE%5D+PRJ%2C+in+disk-7%0A%3E%3E%3E+touch+failed&stickerPackageId=1&stickerId=3',
  })
})

test('ntfy channel: priority and tag follow the kind of notification', async () => {
  const urgent = await sent('ntfy')
  expect(urgent).toMatchObject({ path: '/', headers: { authorization: `Bearer ${TOKEN}` } })
  const common = { topic: 'holdfast', title, message: body }
  expect(JSON.parse(urgent.body)).toEqual({ ...common, priority: 5, tags: ['rotating_light'] })
  const warning = await sent('ntfy', { urgent: false, text: 'A template made this' })
  expect(JSON.parse(warning.body)).toMatchObject({
    message: 'A template made this',
    priority: 3,
    tags: ['warning'],
  })
  const over = await sent('ntfy', { urgent: false, notice: notice('recovered') })
  expect(JSON.parse(over.body)).toMatchObject({ priority: 3, tags: ['white_check_mark'] })
})

test('Slack channel: its three special characters are escaped, and a long text is cut', async () => {
  const request = await sent('slack', { text: '<b> & </b> run_1' })
  expect(request.path).toBe(`/hook/${TOKEN}?code=${TOKEN}`)
  expect(JSON.parse(request.body)).toEqual({ text: '&lt;b&gt; &amp; &lt;/b&gt; run_1', mrkdwn: false })
  const long = JSON.parse((await sent('slack', { text: '&'.repeat(20_000) })).body).text
  expect(long).toBe(`${'&amp;'.repeat(7_999)}…`)
})

test('Teams channel: the request is an adaptive card', async () => {
  const card = JSON.parse((await sent('teams')).body)
  expect(card).toMatchObject({
    type: 'message',
    attachments: [
      { contentType: 'application/vnd.microsoft.card.adaptive', content: { type: 'AdaptiveCard' } },
    ],
  })
  const runs = card.attachments[0].content.body.map((block: { inlines: unknown[] }) => block.inlines[0])
  expect(runs).toMatchObject([{ text: title, color: 'Attention' }, { text: body }])
})

describe('Telegram channel', () => {
  test('the request is text without markup', async () => {
    const request = await sent('telegram')
    expect(request.path).toBe(`/bot1234:${TOKEN}/sendMessage`)
    expect(JSON.parse(request.body)).toEqual({
      chat_id: '-100',
      text,
      link_preview_options: { is_disabled: true },
    })
  })

  test.each([
    [7, 7_000],
    [1e9, 6 * 3_600_000],
    ['soon', null],
  ])('retry_after in the answer sets the delay of the retry: %s', async (retry_after, afterMs) => {
    const server = await recordingServer()
    const description = 'Too Many Requests: retry later'
    server.answer({
      status: 429,
      body: JSON.stringify({ ok: false, description, parameters: { retry_after } }),
    })
    const outcome = await attempt('telegram', givenFor('telegram', server.origin))
    expect(outcome).toMatchObject({ did: 'retry', afterMs, reason: { params: { answer: description } } })
  })
})

describe('LINE channel', () => {
  const quota = (server: RecordingServer, limit: object, used: object) =>
    server.answer(({ path }) => ({
      status: 200,
      body: JSON.stringify(path.endsWith('/quota') ? limit : path.endsWith('/consumption') ? used : {}),
    }))

  test('the request is a push with a retry key', async () => {
    expect(await sent('line')).toMatchObject({
      method: 'POST',
      path: '/v2/bot/message/push',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'x-line-retry-key': LETTER_ID,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ to: 'U123', messages: [{ type: 'text', text }] }),
    })
  })

  test("the month's quota is read after a message", async () => {
    const server = await recordingServer()
    quota(server, { type: 'limited', value: 200 }, { totalUsage: 42 })
    const outcome = await attempt('line', givenFor('line', server.origin))
    expect(said(outcome)).toContain('42 of this month')
    const questions = server.requests.filter(({ method }) => method === 'GET')
    expect(questions.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}`,
    ])
  })

  test.each([
    ['no limit', { type: 'none' }],
    ['nonsense', [1]],
    ['no number', { value: 'many' }],
  ])('an unusable quota answer does not change the delivery: %s', async (_, limit) => {
    const server = await recordingServer()
    quota(server, limit, { totalUsage: 42 })
    expect(await attempt('line', givenFor('line', server.origin))).toEqual({ did: 'delivered', note: null })
  })

  test('an exhausted monthly quota is a refusal, so that another channel can take over', async () => {
    const server = await recordingServer()
    server.answer({ status: 429, body: '{"message":"You have reached your monthly limit."}' })
    const outcome = await attempt('line', givenFor('line', server.origin))
    expect(outcome).toMatchObject({ did: 'refused', reason: { key: 'channel.line.monthly' } })
    expect(said(outcome)).toContain('used up')
  })
})

test("webhook channel: the request has the incident's facts and a signature over them", async () => {
  const request = await sent('webhook', { notice: notice('recovered') })
  const signature = createHmac('sha256', SECRET).update(request.body).digest('hex')
  expect(request.headers).toMatchObject({
    'content-type': 'application/json',
    'x-holdfast-delivery': LETTER_ID,
    'x-holdfast-signature': `sha256=${signature}`,
  })
  expect(JSON.parse(request.body)).toEqual({
    schema: 1,
    delivery: LETTER_ID,
    id: notice().id,
    what: 'recovered',
    about: notice().about,
    times: 1,
    at: '2026-11-22T03:04:05.000Z',
    incident: {
      id: 'incident-7',
      kind: 'read-only',
      severity: 'critical',
      paths: ['/data/run_1', '/data/run_2'],
      startedAt: '2026-11-22T03:04:05.000Z',
      endedAt: '2026-11-22T03:05:05.000Z',
      sentence: '/data/run_1 is OK.',
    },
    title,
    body,
    text,
    urgent: true,
    computer: 'lab-3',
    labels: { project: 'PRJ', resource: 'disk-7' },
  })
})

test('webhook channel: no key gives no signature, and a user in the address gives a login', async () => {
  const server = await recordingServer()
  const url = `${server.origin.replace('//', '//ops:p%40ss-4711@')}/in`
  const { signal } = givenFor('webhook', server.origin)
  await attempt('webhook', { options: {}, secrets: { url, key: '' }, signal })
  const [request] = server.requests
  expect(request?.headers).not.toHaveProperty('x-holdfast-signature')
  expect(request?.headers.authorization).toBe(`Basic ${Buffer.from('ops:p@ss-4711').toString('base64')}`)
})

describe('sign of life', () => {
  const paths = async (act: (given: ReturnType<typeof givenFor>) => Promise<unknown>) => {
    const server = await recordingServer()
    await act(givenFor('ping', server.origin))
    return server.requests.map((one) => [one.path, one.body])
  }
  const at = (step: string) => `/hook/${TOKEN}${step}?code=${TOKEN}`
  const { beat } = getChannel('ping')

  test.each([
    ['failed', '/fail'],
    ['lasting', '/fail'],
    ['unstable', '/fail'],
    ['recovered', ''],
    ['over', ''],
    ['summary', ''],
    ['test', ''],
  ] as const)('a notification of kind %s is sent to the matching address', async (what, step) => {
    expect(await paths((given) => attempt('ping', given, { notice: notice(what) }))).toEqual([
      [at(step), text],
    ])
  })

  test('heartbeats are sent at the set interval, with the failure as their text', async () => {
    expect(beat?.everyMs({ every: '5' })).toBe(300_000)
    expect(await paths((given) => beat?.send(null, true, given) ?? Promise.resolve())).toEqual([
      [at('/start'), ''],
      [at(''), ''],
    ])
    expect(await paths((given) => beat?.send('磁碟', false, given) ?? Promise.resolve())).toEqual([
      [at('/fail'), '磁碟'],
    ])
  })
})

test.each(channelTypes)('channel form: each text of %s exists', (type) => {
  const keys = [`channel.type.${type}`, `channel.needs.${type}`]
  for (const { name, choices = [] } of getFields(type)) {
    const own = `channel.${type}.${name}`
    keys.push(
      own in english() ? own : `channel.field.${name}`,
      ...choices.map((choice) => `channel.choice.${choice}`),
    )
  }
  for (const key of keys) expect(english()).toHaveProperty([key])
  expect(catalog[type].isAddable).toBe(type !== 'command')
})
