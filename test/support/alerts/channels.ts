import { type ChannelType, getFields } from '../../../core/alerts/channels/catalog.ts'
import type { ChannelInput, ChannelOutcome, OutgoingMessage } from '../../../core/alerts/channels/channel.ts'
import { getChannel } from '../../../core/alerts/channels/kinds.ts'
import type { Notice } from '../../../core/alerts/incident.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import type { Recorded } from '../servers/recording-server.ts'

export const LETTER_ID = '0f3e2a52-4a4e-4c1f-9d0a-4f6f3f1c7a11'
const STARTED_AT = Date.UTC(2026, 10, 22, 3, 4, 5)

export function notice(what: Notice['what'] = 'failed'): Notice {
  const isOver = what === 'recovered' || what === 'over' || what === 'summary'
  return {
    id: 'a6f4d6c4-6a53-4b6e-8a53-96f1a3f0d0c2',
    what,
    about: 'incident 7/磁碟',
    incident: {
      id: 'incident-7',
      kind: 'read-only',
      group: '/data',
      isOwn: false,
      paths: { one: '/data/run_1', two: '/data/run_2' },
      failing: { one: message('check.ok', { path: '/data/run_1' }) },
      sources: ['one'],
      sentence: message('check.ok', { path: '/data/run_1' }),
      step: 'touch',
      startedAt: STARTED_AT,
      noticedAt: STARTED_AT,
      endedAt: isOver ? STARTED_AT + 60_000 : null,
      told: true,
      isSilent: false,
      repeats: 0,
      acknowledged: null,
      snoozedUntil: null,
    },
    times: 1,
    at: STARTED_AT,
  }
}

export function letter(changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const [title, body] = ['Read-only: /data/run_1', '/data/run_1 cannot be written to.']
  const labels = { project: 'PRJ', resource: 'disk-7' }
  const text = `${title}\n${body}`
  return {
    id: LETTER_ID,
    notice: notice(),
    title,
    body,
    text,
    urgent: true,
    computer: 'lab-3',
    labels,
    ...changes,
  }
}

/** A secret as people have them: what would have to be escaped somewhere. */
export const SECRET = 'S3cr+t/"quoted"&token=4711'
const PLAIN_SECRET = 'S3cret-token-4711'

/** What a channel is set to, so that it talks to this origin. */
export function givenFor(
  type: ChannelType,
  origin: string,
  signal = new AbortController().signal,
): ChannelInput {
  const options: Record<string, string> = {}
  const secrets: Record<string, string> = {}
  for (const { name, kind, default: usual } of getFields(type)) {
    const own = valuesOf(type, origin)[name]
    if (kind === 'secret') secrets[name] = own ?? PLAIN_SECRET
    else options[name] = own ?? (kind === 'url' ? origin : (usual ?? 'holdfast'))
  }
  return { options, secrets, signal, withinMs: 3_000 }
}

/** The values of fields for which neither the origin nor a plain text will do. */
function valuesOf(type: ChannelType, origin: string): Record<string, string> {
  const url = `${origin}/hook/${PLAIN_SECRET}?code=${PLAIN_SECRET}`
  if (type === 'line') return { to: 'U123', endpoint: `${origin}/` }
  if (type === 'line-notify') return { endpoint: `${origin}/api/notify` }
  if (type === 'telegram') return { chat: '-100', token: `1234:${PLAIN_SECRET}` }
  if (type === 'webhook') return { url, key: SECRET }
  if (type === 'command') return { program: origin }
  if (type !== 'mail') return { url }
  const { hostname: host, port } = new URL(origin)
  const people = { from: 'holdfast@lab.example', to: 'ops@lab.example', user: '' }
  return { host, port, security: 'none', certificate: '', ...people }
}

/** One attempt. It ends soon unless nothing answers. */
export function attempt(
  type: ChannelType,
  given: Omit<ChannelInput, 'withinMs'>,
  told: Partial<OutgoingMessage> = {},
  withinMs = 3_000,
): Promise<ChannelOutcome> {
  return getChannel(type).send(letter(told), { ...given, withinMs })
}

const [english, chinese] = [createWords('en'), createWords('zh-TW')]

/** An outcome as people read it, in both languages. */
export function said(outcome: ChannelOutcome): string {
  const sentence = outcome.did === 'delivered' ? outcome.note : outcome.reason
  return sentence === null ? '' : `${english(sentence)}\n${chinese(sentence)}`
}

/** The text that a service shows, of what was sent to it. */
export function textSent(type: ChannelType, { body }: Recorded): string {
  if (type === 'line-notify') return new URLSearchParams(body).get('message') ?? ''
  if (type === 'ping') return body
  const told = JSON.parse(body)
  switch (type) {
    case 'line':
      return told.messages[0].text
    case 'teams':
      return told.attachments[0].content.body[1].inlines[0].text
    case 'slack':
      return told.text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
    default:
      return told.text ?? told.message
  }
}
