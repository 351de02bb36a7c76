import { errorCode, errorText } from '../../files/system-error.ts'
import type { WordKey } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { fieldOf } from './answer.ts'
import type { Given, Outcome } from './channel.ts'
import { quote } from './quote.ts'
import { unreachable } from './unanswered.ts'

/** nodemailer's names for what trying again does not mend, though no server said so. */
const LASTING = new Set(['EENVELOPE', 'EMESSAGE', 'ECONFIG'])

/** What an error of nodemailer means: SMTP's 4xx pass, its 5xx do not. */
export function judgeMail(thrown: unknown, host: string, secrets: Given['secrets']): Outcome {
  const code = errorCode(thrown)
  const status = fieldOf(thrown, 'responseCode')
  const reason = (key: WordKey) => message(key, { host, answer: quote(errorText(thrown), secrets) })
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { did: 'retry', afterMs: null, reason: reason('channel.mail.later') }
  if (code === 'EAUTH' || code === 'ENOAUTH') return { did: 'refused', reason: reason('channel.mail.login') }
  if (typeof status === 'number' || LASTING.has(code ?? ''))
    return { did: 'refused', reason: reason('channel.mail.refused') }
  // OpenSSL was answered in plain text.
  if (/wrong version number/.test(errorText(thrown)))
    return { did: 'retry', afterMs: null, reason: message('channel.mail.plain', { host }) }
  return unreachable(host, systemError(thrown), secrets)
}

/** nodemailer gives an error a code of its own, and keeps the one that says more beside it. */
function systemError(thrown: unknown): unknown {
  const code = fieldOf(thrown, 'originalCode')
  return typeof code === 'string' ? Object.assign(new Error(errorText(thrown)), { code }) : thrown
}
