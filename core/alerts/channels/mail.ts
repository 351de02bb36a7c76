import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { TLSSocket } from 'node:tls'
import { defer } from '../../defer.ts'
import { settled } from '../../dropped-errors.ts'
import { message, type WordKey } from '../../lib/i18n/message.ts'
import { limitBytes } from '../../lib/network/answers.ts'
import { openTunnel } from '../../lib/network/tunnel.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { peerFingerprint } from '../../protocol/tls.ts'
import type { Notice } from '../incident.ts'
import { readAddresses, readFingerprint } from './catalog.ts'
import {
  type Channel,
  type ChannelInput,
  type ChannelOutcome,
  MAIL_PATIENCE,
  type OutgoingMessage,
  quote,
  shorten,
  titleLine,
} from './channel.ts'
import { createAbortSignal, getAbortOutcome, getField, unreachable } from './http.ts'

const MOST_SUBJECT = 200
const MOST_CHARACTERS = 100_000
/** Default ports: RFC 8314, 3.3 (submissions), RFC 6409 (submission), RFC 5321 (relay). */
const USUAL_PORT: Record<string, number> = { tls: 465, starttls: 587, none: 25 }
/** nodemailer's codes for failures that a retry does not fix, although no server reported them. */
const PERMANENT_CODES = new Set(['EENVELOPE', 'EMESSAGE', 'ECONFIG'])
/** Errors of nodemailer for a server without STARTTLS, and of OpenSSL or BoringSSL for a reply in plain text. */
const PLAIN_TEXT_REPLY =
  /^Error upgrading connection with STARTTLS|^EHLO failed but HELO|wrong[ _]version[ _]number/i

/** Sends mail through an SMTP server, with one thread for each incident. */
export const mail: Channel = {
  async send(letter, given) {
    const patient = { ...given, withinMs: MAIL_PATIENCE * given.withinMs }
    const limit = createAbortSignal(patient)
    const host = formatHost(given)
    try {
      const { rejected } = await deliver(buildMail(letter, given), patient, limit)
      const note =
        rejected.length === 0 ? null : message('channel.mail.partly', { host, rejected: rejected.join(', ') })
      return { did: 'delivered', note }
    } catch (thrown) {
      return limit.aborted ? getAbortOutcome(patient, host) : classifyMailError(thrown, given)
    }
  },
}

function formatHost({ options }: ChannelInput): string {
  return `${options.host ?? ''}:${getPort(options)}`
}

const getPort = ({ port = '', security = 'tls' }: ChannelInput['options']): number =>
  port === '' ? (USUAL_PORT[security] ?? 465) : Number(port)

function buildMail(letter: OutgoingMessage, { options: { from = '', to = '' } }: ChannelInput) {
  const { attachment } = letter.notice
  // No mail with this id need exist, because mail programs group all mails that refer to the same id.
  const thread = messageId(`incident-${digest(letter.notice.about)}`, from)
  return {
    from: readAddresses(from) ?? from,
    to: readAddresses(to) ?? to,
    subject: shorten(titleLine(letter), MOST_SUBJECT),
    text: shorten(letter.text, MOST_CHARACTERS),
    attachments: attachment === undefined ? [] : [toAttachment(attachment)],
    messageId: messageId(letter.id, from),
    inReplyTo: thread,
    references: thread,
    headers: {
      // Automatic replies (RFC 3834) ignore such a message.
      'Auto-Submitted': 'auto-generated',
      ...(letter.urgent ? { 'X-Priority': '1 (Highest)', Importance: 'High' } : {}),
    },
  }
}

const toAttachment = ({ name, html }: NonNullable<Notice['attachment']>) => ({
  filename: name,
  content: html,
  contentType: 'text/html; charset=utf-8',
})

function messageId(name: string, from: string): string {
  const domain = /@([\w.-]+)/.exec(from)?.[1] ?? 'holdfast.invalid'
  return `<${name}@${domain}>`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/**
 * Sends one mail over a separate connection. nodemailer's own transport logs in before the certificate can be
 * checked, so it does not support pinning.
 */
async function deliver(
  data: ReturnType<typeof buildMail>,
  { options, secrets, withinMs }: ChannelInput,
  limit: AbortSignal,
): Promise<{ rejected: string[] }> {
  const [{ default: MailComposer }, { default: SMTPConnection }] = await Promise.all([
    import('nodemailer/lib/mail-composer'),
    import('nodemailer/lib/smtp-connection'),
  ])
  const { host = '', security = 'tls', user = '' } = options
  // Only `limit` may end an attempt. If the timers were equal, either could fire first, each with its own reason.
  const neverFirstMs = 2 * withinMs
  const mail = new MailComposer({ ...data, disableFileAccess: true, disableUrlAccess: true }).compile()
  const tunnel = await openTunnel({ host, port: getPort(options) }, limit)
  const connection = new SMTPConnection({
    ...(tunnel === null ? {} : { connection: tunnel }),
    host,
    name: toGreetingName(hostname()),
    port: getPort(options),
    secure: security === 'tls',
    // Prevents plain text if an attacker removes STARTTLS from the server's reply.
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...{ connectionTimeout: neverFirstMs, greetingTimeout: neverFirstMs, dnsTimeout: neverFirstMs },
    // `refuseUntrusted` checks the certificate before anything but a greeting is sent.
    tls: { rejectUnauthorized: false },
  })
  const failed = Promise.withResolvers<never>()
  // The caller may have stopped waiting.
  void settled(failed.promise)
  connection.on('error', failed.reject)
  const count = limitBytes()
  const receive: unknown = Reflect.get(connection, '_onData')
  // nodemailer limits one reply only. Its types lack this method.
  if (typeof receive === 'function')
    Reflect.set(connection, '_onData', (bytes: Buffer) => {
      try {
        count(bytes.length)
        Reflect.apply(receive, connection, [bytes])
      } catch (error) {
        failed.reject(error)
        connection.close()
      }
    })
  connection.once('end', () => failed.reject(new Error('Connection closed')))
  limit.addEventListener('abort', () => failed.reject(limit.reason), { once: true })
  if (limit.aborted) failed.reject(limit.reason)
  const step = <T>(act: (done: (error: Error | null | undefined, result?: T) => void) => void) =>
    Promise.race([
      failed.promise,
      new Promise<T | undefined>((resolve, reject) =>
        act((error, result) => (error ? reject(error) : resolve(result))),
      ),
    ])
  using _ = defer(() => connection.close())
  await step<void>((done) => connection.connect((error) => done(error)))
  if (security !== 'none') refuseUntrusted(connection._socket, readFingerprint(options.certificate ?? ''))
  if (user !== '' && connection.allowsAuth)
    await step((done) => connection.login({ user, pass: secrets.password ?? '' }, done))
  const sent = await step<{ rejected: string[] }>((done) =>
    connection.send(mail.getEnvelope(), mail.createReadStream(), done),
  )
  return { rejected: sent?.rejected ?? [] }
}

/**
 * Returns the name that this computer gives to a mail server. A name that is no domain, such as one with "_", is refused
 * by some servers: an address stands for it (RFC 5321, 4.1.4).
 */
export const toGreetingName = (host: string): string =>
  /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]*[a-z][a-z0-9-]*$/i.test(host) ? host : '[127.0.0.1]'

/**
 * Checks the server's certificate.
 * @param pin the only accepted certificate; null: any that an authority of this computer has signed for this name
 * @throws UntrustedServer
 */
function refuseUntrusted(socket: unknown, pin: string | null): void {
  if (!(socket instanceof TLSSocket)) throw new UntrustedServer('no TLS', '')
  const shown = peerFingerprint(socket) ?? ''
  if (pin === null ? socket.authorized : shown === pin) return
  throw new UntrustedServer(String(socket.authorizationError), shown)
}

/** The server cannot prove its identity. The message contains the reason. */
class UntrustedServer extends Error {
  override readonly name = 'UntrustedServer'
  readonly fingerprint: string

  constructor(reason: string, fingerprint: string) {
    super(reason)
    this.fingerprint = fingerprint
  }
}

/** Classifies an error of nodemailer: SMTP's 4xx are temporary, its 5xx are not. */
export function classifyMailError(thrown: unknown, given: ChannelInput): ChannelOutcome {
  const { options, secrets } = given
  const host = formatHost(given)
  const code = errorCode(thrown)
  const status = getField(thrown, 'responseCode')
  const answer = quote(errorText(thrown), secrets)
  const reason = (key: WordKey) => message(key, { host, answer })
  if (thrown instanceof UntrustedServer) {
    const isPinned = (options.certificate ?? '') !== ''
    const key = isPinned ? 'channel.mail.wrongCertificate' : 'channel.mail.untrusted'
    const { fingerprint } = thrown
    return { did: 'retry', afterMs: null, reason: message(key, { host, reason: answer, fingerprint }) }
  }
  // Some servers reply with 4xx although they never offer encryption.
  if (PLAIN_TEXT_REPLY.test(errorText(thrown))) {
    const encryption = options.security === 'starttls' ? 'STARTTLS' : 'TLS'
    return { did: 'retry', afterMs: null, reason: message('channel.mail.plain', { host, encryption }) }
  }
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { did: 'retry', afterMs: null, reason: reason('channel.mail.later') }
  if ((options.user ?? '') === '' && wantsLogin(status, answer))
    return { did: 'refused', reason: reason('channel.mail.needsLogin') }
  if (code === 'EAUTH' || code === 'ENOAUTH') return { did: 'refused', reason: reason('channel.mail.login') }
  if (typeof status === 'number' || PERMANENT_CODES.has(code ?? ''))
    return { did: 'refused', reason: reason('channel.mail.refused') }
  return unreachable(host, systemError(thrown), secrets)
}

/**
 * True if the server accepts mail for other servers only after a login: RFC 4954 (530), or the texts of Postfix,
 * Exim, Exchange and others.
 */
function wantsLogin(status: unknown, answer: string): boolean {
  if (status === 530) return !/STARTTLS/i.test(answer)
  return (
    typeof status === 'number' &&
    status >= 500 &&
    /relay(ing)?\b.*\b(denied|not permitted|not allowed|prohibited)|unable to relay|authenticat(e|ion)/i.test(
      answer,
    )
  )
}

/** Restores the system's error code, which nodemailer replaces and keeps in `originalCode`. */
function systemError(thrown: unknown): unknown {
  const code = getField(thrown, 'originalCode')
  return typeof code === 'string' ? Object.assign(new Error(errorText(thrown)), { code }) : thrown
}
