import { Agent, type AgentOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import { peerFingerprint, WrongFingerprint } from '../../../protocol/tls.ts'
import { asFault, StoreFault, type StoreFaultKind } from '../objects/object-store.ts'
import type { S3Target } from './s3-store.ts'

// The errors of a bucket: the SDK's errors as faults, and explanations with a remedy. Also the check of a pinned
// certificate. Loads without the SDK.

/** Longest text of a server in a message. */
const MAX_CHARACTERS = 300
/** Time limit to get a server's certificate. */
const SHOW_MS = 10_000
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
const kindsByCode: Record<string, StoreFaultKind> = {
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
  EntityTooLarge: 'impossible',
  MetadataTooLarge: 'impossible',
  XMinioInvalidObjectName: 'impossible',
  BadDigest: 'damaged',
  InvalidDigest: 'damaged',
  IncompleteBody: 'damaged',
  XAmzContentSHA256Mismatch: 'damaged',
  TimeoutError: 'lost',
}

const kindsByStatus: Record<number, StoreFaultKind> = {
  401: 'denied',
  403: 'denied',
  404: 'absent',
  412: 'exists',
  413: 'impossible',
  502: 'lost',
  504: 'lost',
  507: 'full',
}

/** The fields of an SDK error. */
interface SdkError {
  name?: unknown
  $metadata?: { httpStatusCode?: number }
  $response?: { statusCode?: number }
}

/**
 * Returns an error of the SDK as a fault.
 * @param operation its name in the store's documentation ("PutObject"), which shows the missing permission.
 */
export function toStoreFault(thrown: unknown, operation: string): StoreFault {
  if (thrown instanceof StoreFault) return thrown
  const error: SdkError = typeof thrown === 'object' && thrown !== null ? thrown : {}
  const code = typeof error.name === 'string' ? error.name : 'Error'
  const status = getStatus(error)
  const system = errorCode(thrown) ?? (code === 'TimeoutError' ? 'ETIMEDOUT' : null)
  // Without a status there was no answer: the connection was cut.
  const kind: StoreFaultKind =
    kindsByCode[code] ?? (status === null ? 'lost' : (kindsByStatus[status] ?? 'failed'))
  // These codes have translated messages; the SDK's text adds nothing for the person.
  if (kind === 'lost' && system !== null && /^E(?!RR_|PROTO)/.test(system))
    return new StoreFault(kind, system, { cause: thrown })
  const own = system ?? (status === null || code !== 'Error' ? code : `HTTP ${status}`)
  const text = errorText(thrown)
  const full = text === '' || text === code || text === 'UnknownError' ? own : `${own}: ${text}`
  return new StoreFault(kind, clean(`${full} (${operation})`), { cause: thrown })
}

function getStatus({ $metadata, $response }: SdkError): number | null {
  return $metadata?.httpStatusCode ?? $response?.statusCode ?? null
}

/** Removes control characters and limits the length: a server can send any text. */
const clean = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_CHARACTERS)

type Created = (error: Error | null, socket: Duplex) => void

/** Sends no byte before the certificate is verified as the pinned one; its issuer is ignored. */
class PinnedAgent extends Agent {
  readonly #pin: string

  constructor(options: AgentOptions, pin: string) {
    super(options)
    this.#pin = pin
  }

  override createConnection(options: ConnectionOptions, created: Created): undefined {
    const socket = connect({ ...options, rejectUnauthorized: false })
    const failed = (error: Error) => created(error, socket)
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      const fingerprint = peerFingerprint(socket)
      if (fingerprint !== this.#pin) {
        socket.destroy(new WrongFingerprint(fingerprint ?? 'none'))
        return
      }
      socket.off('error', failed)
      created(null, socket)
    })
  }
}

/** @param pin the only accepted certificate; null: any that an authority trusted by this computer has signed. */
export function tlsAgent(options: AgentOptions, pin: string | null): Agent {
  return pin === null ? new Agent(options) : new PinnedAgent(options, pin)
}

/** Returns the fingerprint of the server's certificate; null: it presents none. Sends no data after the handshake. */
function shownCertificate(endpoint: string): Promise<string | null> {
  const { hostname, port } = new URL(endpoint)
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
      ...servername,
      rejectUnauthorized: false,
    })
    const end = (shown: string | null) => {
      socket.destroy()
      resolve(shown)
    }
    socket.setTimeout(SHOW_MS, () => end(null))
    socket.once('error', () => end(null))
    socket.once('secureConnect', () => end(peerFingerprint(socket)))
  })
}
