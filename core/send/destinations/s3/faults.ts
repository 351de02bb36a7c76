import { errorCode, errorText } from '../../../platform/system-error.ts'
import { StoreFault, type StoreFaultKind } from '../objects/object-store.ts'

const MOST_CHARACTERS = 300

/** What stores call their refusals. */
const kindsByCode: Record<string, StoreFaultKind> = {
  NoSuchKey: 'absent',
  NoSuchVersion: 'absent',
  NoSuchUpload: 'absent',
  NotFound: 'absent',
  PreconditionFailed: 'exists',
  ConditionalRequestConflict: 'exists',
  // A bucket that is not there is like one that may not be used: nothing else goes, either.
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

/** What the SDK leaves in an error. */
interface SdkError {
  name?: unknown
  $metadata?: { httpStatusCode?: number }
  $response?: { statusCode?: number }
}

function statusOf({ $metadata, $response }: SdkError): number | null {
  return $metadata?.httpStatusCode ?? $response?.statusCode ?? null
}

/** Without control characters, and not without end: a server may say anything. */
const told = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, MOST_CHARACTERS)

/**
 * @param operation as the store's documentation calls it ("PutObject"): where one permission is missing, it says which.
 */
export function faultOf(thrown: unknown, operation: string): StoreFault {
  if (thrown instanceof StoreFault) return thrown
  const error: SdkError = typeof thrown === 'object' && thrown !== null ? thrown : {}
  const code = typeof error.name === 'string' ? error.name : 'Error'
  const status = statusOf(error)
  const system = errorCode(thrown) ?? (code === 'TimeoutError' ? 'ETIMEDOUT' : null)
  // Without a status nobody has answered: the connection, or what was said on it, was cut.
  const kind: StoreFaultKind =
    kindsByCode[code] ?? (status === null ? 'lost' : (kindsByStatus[status] ?? 'failed'))
  // For these there are words; what the SDK says besides is for nobody.
  if (kind === 'lost' && system !== null && /^E(?!RR_|PROTO)/.test(system))
    return new StoreFault(kind, system, { cause: thrown })
  const own = system ?? (status === null || code !== 'Error' ? code : `HTTP ${status}`)
  const text = errorText(thrown)
  const said = text === '' || text === code || text === 'UnknownError' ? own : `${own}: ${text}`
  return new StoreFault(kind, told(`${said} (${operation})`), { cause: thrown })
}
