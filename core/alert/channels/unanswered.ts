import { errorCode, errorText } from '../../files/system-error.ts'
import { message } from '../../words/message.ts'
import type { Given, Outcome } from './channel.ts'
import { quote } from './quote.ts'

// No answer at all. All of this passes, so it is tried again.

/** When an attempt ends: its time is up, or nobody wants it any more. */
export function limitOf({ signal, withinMs }: Given): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
}

/** An attempt that its limit has ended. Nobody wants it where Holdfast stops, or the channel was taken away. */
export function cutShort({ signal, withinMs }: Given, host: string): Outcome {
  const reason = signal.aborted
    ? message('channel.stopped')
    : message('channel.silent', { host, limit: withinMs })
  return { did: 'retry', afterMs: null, reason }
}

/** Nobody is there, or nobody who can prove to be the one. */
export function unreachable(host: string, thrown: unknown, secrets: Given['secrets']): Outcome {
  const key = isCertificate(causeOf(thrown)) ? 'channel.certificate' : 'channel.unreachable'
  return {
    did: 'retry',
    afterMs: null,
    reason: message(key, { host, reason: quote(reasonOf(thrown), secrets) }),
  }
}

/** A name of OpenSSL's or Node's for a certificate that proves nothing. */
function isCertificate(cause: unknown): boolean {
  return /CERT|UNABLE_TO_(GET|VERIFY)/.test(errorCode(cause) ?? '') || /certificate/i.test(errorText(cause))
}

/** fetch says "fetch failed" and keeps the reason as the error's cause. */
function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
}

/** Several addresses that all refused come as one error without a text of its own. */
export function reasonOf(thrown: unknown): string {
  const cause = causeOf(thrown)
  const text = errorText(cause)
  return text === '' ? (errorCode(cause) ?? 'unknown') : text
}
