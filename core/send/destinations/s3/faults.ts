import { errorCode, errorText } from '../../../platform/system-error.ts'
import { StoreFault, type StoreFaultKind } from '../objects/object-store.ts'

const MOST_CHARACTERS = 300

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

function getStatus({ $metadata, $response }: SdkError): number | null {
  return $metadata?.httpStatusCode ?? $response?.statusCode ?? null
}

/** Removes control characters and limits the length: a server can send any text. */
const told = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, MOST_CHARACTERS)

/**
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
  const said = text === '' || text === code || text === 'UnknownError' ? own : `${own}: ${text}`
  return new StoreFault(kind, told(`${said} (${operation})`), { cause: thrown })
}
