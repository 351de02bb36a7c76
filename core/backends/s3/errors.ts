import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { findProxyProblem } from '../../lib/network/tunnel.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { asBackendError, BackendError, type BackendErrorKind } from '../errors.ts'
import { cleanText, explainCertificate, kindsByHttpStatus, shownCertificate } from '../objects/https.ts'

import type { S3Target } from './bucket.ts'

// The errors of a bucket: the SDK's errors as backend errors, and explanations with a remedy.
// Loads without the SDK.

/** Returns an error with a remedy, if more is known than the error itself shows. */
export async function explained(thrown: unknown, target: S3Target): Promise<unknown> {
  const isClear = thrown instanceof UserError || findProxyProblem(thrown) !== null
  const sentence = isClear ? null : await sentenceFor(thrown, target)
  return sentence === null ? thrown : new UserError(sentence.key, sentence.params, { cause: thrown })
}

async function sentenceFor(thrown: unknown, target: S3Target): Promise<Message | null> {
  const { kind, reason, cause } = asBackendError(thrown)
  const { name, bucket, endpoint } = target
  const at = { name, bucket, address: new URL(endpoint).host, reason }
  const certificate = await explainCertificate(cause, endpoint, at)
  if (certificate !== null) return certificate
  const code = errorCode(cause) ?? ''
  if (endpoint.startsWith('https:') && (code === 'EPROTO' || code.startsWith('ERR_SSL_')))
    return message('s3.noTls', at)
  const refusal = explainRefusal(cause, target, at)
  if (refusal !== null) return refusal
  // Servers for TLS close such a connection, or send an answer that no store sends.
  const isSilent = kind === 'lost' || kind === 'failed'
  if (endpoint.startsWith('http:') && isSilent && (await shownCertificate(endpoint)) !== null)
    return message('s3.wantsTls', at)
  // Every store sends its errors as XML, and a listing of an empty bucket succeeds.
  const [, status] = /^(HTTP \d+): .*XML parse error/.exec(reason) ?? /^(NotFound) \(List/.exec(reason) ?? []
  return status === undefined ? null : message('s3.noStore', { ...at, reason: status })
}

interface Refused {
  name?: unknown
  Region?: unknown
  $response?: { headers?: Record<string, string> }
  $metadata?: { httpStatusCode?: number }
}

function explainRefusal(
  cause: unknown,
  { region, endpoint }: S3Target,
  at: Record<string, string>,
): Message | null {
  if (typeof cause !== 'object' || cause === null) return null
  const { name, Region, $response, $metadata } = cause as Refused
  switch (name) {
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'InvalidToken':
    case 'ExpiredToken':
      return message('s3.wrongKey', at)
    case 'CredentialsProviderError':
      return message('s3.noKey', at)
    // The endpoint ends with a bucket's name: the request is taken for an object in that bucket.
    case 'NoSuchKey':
      return new URL(endpoint).pathname === '/' ? null : message('s3.path', { ...at, endpoint })
    case 'NoSuchBucket':
    case 'InvalidBucketName':
      return message('s3.noBucket', at)
    case 'RequestTimeTooSkewed':
      return message('s3.skewed', { ...at, seconds: getClockSkew($response?.headers?.date) })
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException': {
      const actual = $response?.headers?.['x-amz-bucket-region'] ?? Region
      return message('s3.otherRegion', {
        ...at,
        region: typeof actual === 'string' ? actual : '?',
        given: region,
      })
    }
    default:
      return $metadata?.httpStatusCode === 403 ? message('s3.denied', at) : null
  }
}

/** Returns the seconds between the clocks; 0: the server sent no date. */
function getClockSkew(date: string | undefined): number {
  const ms = Date.parse(date ?? '')
  return Number.isNaN(ms) ? 0 : Math.round(Math.abs(ms - Date.now()) / 1000)
}

/** Kinds by the error codes of stores. */
const kindsByCode: Record<string, BackendErrorKind> = {
  NoSuchKey: 'absent',
  NoSuchVersion: 'absent',
  NoSuchUpload: 'absent',
  NotFound: 'absent',
  PreconditionFailed: 'exists',
  ConditionalRequestConflict: 'exists',
  // A missing bucket is like a forbidden one: other files would fail, too.
  NoSuchBucket: 'denied',
  QuotaExceeded: 'full',
  InsufficientStorage: 'full',
  XMinioStorageFull: 'full',
  KeyTooLongError: 'impossible',
  KeyTooLong: 'impossible',
  EntityTooLarge: 'tooLarge',
  MetadataTooLarge: 'impossible',
  XMinioInvalidObjectName: 'impossible',
  BadDigest: 'damaged',
  InvalidDigest: 'damaged',
  InvalidObjectState: 'cold',
  ObjectNotInActiveTierError: 'cold',
  IncompleteBody: 'damaged',
  XAmzContentSHA256Mismatch: 'damaged',
  TimeoutError: 'lost',
}

/** The fields of an SDK error. */
interface SdkError {
  name?: unknown
  $metadata?: { httpStatusCode?: number }
  $response?: { statusCode?: number }
}

/**
 * Returns an error of the SDK as a backend error.
 * @param operation its name in the store's documentation ("PutObject"), which shows the missing permission.
 */
export function toBackendError(thrown: unknown, operation: string): BackendError {
  if (thrown instanceof BackendError) return thrown
  const error: SdkError = typeof thrown === 'object' && thrown !== null ? thrown : {}
  const code = typeof error.name === 'string' ? error.name : 'Error'
  const status = getStatus(error)
  const system = errorCode(thrown) ?? (code === 'TimeoutError' ? 'ETIMEDOUT' : null)
  // Without a status there was no answer: the connection was cut.
  const kind: BackendErrorKind =
    kindsByCode[code] ?? (status === null ? 'lost' : (kindsByHttpStatus[status] ?? 'failed'))
  // These codes have translated messages; the SDK's text adds nothing for the person.
  if (kind === 'lost' && system !== null && /^E(?!RR_|PROTO)/.test(system))
    return new BackendError(kind, system, { cause: thrown })
  const own = system ?? (status === null || code !== 'Error' ? code : `HTTP ${status}`)
  const text = errorText(thrown)
  const full = text === '' || text === code || text === 'UnknownError' ? own : `${own}: ${text}`
  return new BackendError(kind, cleanText(`${full} (${operation})`), { cause: thrown })
}

function getStatus({ $metadata, $response }: SdkError): number | null {
  return $metadata?.httpStatusCode ?? $response?.statusCode ?? null
}
