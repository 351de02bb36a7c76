import { createHash } from 'node:crypto'
import { errorCode, errorText } from '../../files/system-error.ts'
import { message, type WordKey } from '../../words/message.ts'
import { cutShort, fieldOf, limitOf, unreachable } from './answer.ts'
import type { Channel, ChannelInput, ChannelOutcome, Letter } from './channel.ts'
import { quote } from './quote.ts'
import { shorten, titleLine } from './shorten.ts'

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
      return limit.aborted ? cutShort(patient, host) : judgeMail(thrown, given)
    }
  },
}

/** RFC 8314, 3.3 (submissions), RFC 6409 (submission), RFC 5321 (relay). */
const USUAL_PORT: Record<string, number> = { tls: 465, starttls: 587, none: 25 }

const portOf = ({ port = '', security = 'tls' }: ChannelInput['options']): number =>
  port === '' ? (USUAL_PORT[security] ?? 465) : Number(port)

function hostOf({ options }: ChannelInput): string {
  return `${options.host ?? ''}:${portOf(options)}`
}

function transportOf({ options, secrets, withinMs }: ChannelInput) {
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

function mailOf(letter: Letter, { options: { from = '', to = '' } }: ChannelInput) {
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

/** nodemailer's names for what trying again does not mend, though no server said so. */
const LASTING = new Set(['EENVELOPE', 'EMESSAGE', 'ECONFIG'])
/** How nodemailer says that a server has no STARTTLS, and OpenSSL or BoringSSL that it answered in plain text. */
const PLAIN = /^Error upgrading connection with STARTTLS|^EHLO failed but HELO|wrong[ _]version[ _]number/i

/** What an error of nodemailer means: SMTP's 4xx pass, its 5xx do not. */
export function judgeMail(thrown: unknown, given: ChannelInput): ChannelOutcome {
  const { options, secrets } = given
  const host = hostOf(given)
  const code = errorCode(thrown)
  const status = fieldOf(thrown, 'responseCode')
  const reason = (key: WordKey) => message(key, { host, answer: quote(errorText(thrown), secrets) })
  // Some answer 4xx, though they never offer it.
  if (PLAIN.test(errorText(thrown))) {
    const encryption = options.security === 'starttls' ? 'STARTTLS' : 'TLS'
    return { did: 'retry', afterMs: null, reason: message('channel.mail.plain', { host, encryption }) }
  }
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { did: 'retry', afterMs: null, reason: reason('channel.mail.later') }
  if (code === 'EAUTH' || code === 'ENOAUTH') return { did: 'refused', reason: reason('channel.mail.login') }
  if (typeof status === 'number' || LASTING.has(code ?? ''))
    return { did: 'refused', reason: reason('channel.mail.refused') }
  return unreachable(host, systemError(thrown), secrets)
}

/** nodemailer gives an error a code of its own, and keeps the one that says more beside it. */
function systemError(thrown: unknown): unknown {
  const code = fieldOf(thrown, 'originalCode')
  return typeof code === 'string' ? Object.assign(new Error(errorText(thrown)), { code }) : thrown
}
