import { type Message, message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { errorCode } from '../../../platform/system-error.ts'
import { WrongFingerprint } from '../../../protocol/pin.ts'
import { asFault } from '../objects/faults.ts'
import { shownCertificate } from './certificate.ts'
import type { S3Target } from './reach.ts'

/** Node.js error codes for a certificate without a trusted issuer, or for another name or time. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** Returns an error with a remedy, if more is known than the fault shows. */
export async function explained(thrown: unknown, target: S3Target): Promise<unknown> {
  const sentence = thrown instanceof UserError ? null : await sentenceFor(thrown, target)
  return sentence === null ? thrown : new UserError(sentence.key, sentence.params, { cause: thrown })
}

async function sentenceFor(thrown: unknown, target: S3Target): Promise<Message | null> {
  const { kind, reason, cause } = asFault(thrown)
  const { name, bucket, endpoint } = target
  const at = { name, bucket, address: new URL(endpoint).host, reason }
  const code = errorCode(cause) ?? ''
  if (cause instanceof WrongFingerprint)
    return message('s3.wrongCertificate', { ...at, fingerprint: cause.fingerprint })
  if (UNTRUSTED.has(code))
    return message('s3.untrusted', { ...at, fingerprint: (await shownCertificate(endpoint)) ?? '' })
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
      const told = $response?.headers?.['x-amz-bucket-region'] ?? Region
      return message('s3.otherRegion', {
        ...at,
        region: typeof told === 'string' ? told : '?',
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
