import { createHash } from 'node:crypto'
import { message } from '../../words/message.ts'
import type { Channel, Given, Letter } from './channel.ts'
import { judgeMail } from './mail-outcome.ts'
import { shorten } from './shorten.ts'
import { titleLine } from './title.ts'
import { cutShort, limitOf } from './unanswered.ts'

/** Mail servers look through a message before they take it, and greet slowly to put off senders of junk. */
const PATIENCE = 3
const MOST_SUBJECT = 200
const MOST_CHARACTERS = 100_000

/** Mail through an SMTP server, one thread an incident. */
export const mail: Channel = {
  async send(letter, given) {
    const patient = { ...given, withinMs: PATIENCE * given.withinMs }
    const limit = limitOf(patient)
    const host = hostOf(given)
    try {
      const { createTransport } = await import('nodemailer')
      const transport = createTransport(transportOf(patient))
      const { rejected } = await transport.sendMail({ ...mailOf(letter, given), signal: limit })
      const note =
        rejected.length === 0 ? null : message('channel.mail.partly', { host, rejected: rejected.join(', ') })
      return { did: 'delivered', note }
    } catch (thrown) {
      return limit.aborted ? cutShort(patient, host) : judgeMail(thrown, host, given.secrets)
    }
  },
}

/** RFC 8314, 3.3 (submissions), RFC 6409 (submission), RFC 5321 (relay). */
const USUAL_PORT: Record<string, number> = { tls: 465, starttls: 587, none: 25 }

const portOf = ({ port = '', security = 'tls' }: Given['options']): number =>
  port === '' ? (USUAL_PORT[security] ?? 465) : Number(port)

function hostOf({ options }: Given): string {
  return `${options.host ?? ''}:${portOf(options)}`
}

function transportOf({ options, secrets, withinMs }: Given) {
  const { host = '', security, user = '' } = options
  return {
    host,
    port: portOf(options),
    secure: security === 'tls',
    // Never in the clear because somebody on the way has taken STARTTLS out of what the server says.
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === '' ? {} : { auth: { user, pass: secrets.password ?? '' } }),
    connectionTimeout: withinMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

function mailOf(letter: Letter, { options: { from = '', to = '' } }: Given) {
  // It need not exist: what refers to the same mail stands together.
  const thread = messageId(`incident-${digest(letter.notice.about)}`, from)
  return {
    from,
    to,
    subject: shorten(titleLine(letter), MOST_SUBJECT),
    text: shorten(letter.text, MOST_CHARACTERS),
    messageId: messageId(letter.id, from),
    inReplyTo: thread,
    references: thread,
    priority: letter.urgent ? ('high' as const) : ('normal' as const),
    // Nobody's holiday has to answer it.
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

function messageId(name: string, from: string): string {
  const domain = /@([\w.-]+)/.exec(from)?.[1] ?? 'holdfast.invalid'
  return `<${name}@${domain}>`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
