import { Agent as HttpAgent } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import { errorCode } from '../../../platform/system-error.ts'
import type { S3Destination } from '../../../settings/destination-schema.ts'
import { tlsAgent } from './certificate.ts'
import { toStoreFault } from './faults.ts'

/** Concurrent requests: beyond this number a store only queues them itself. */
export const PARALLEL = 32
/** Room for parts of large objects, listings and the like beside the small objects. */
const MOST_SOCKETS = PARALLEL + 16
const CONNECT_MS = 10_000
/** Timeout of an idle socket: a store that copies or joins parts may be silent for a while. */
const SILENT_MS = 120_000
const ATTEMPTS = 3

/** The location of a bucket. */
export type S3Place = Pick<S3Destination, 'endpoint' | 'region' | 'pathStyle' | 'certificate'>

/**
 * Creates a client whose requests throw StoreFaults.
 * @param secrets `accessKey` and `secretKey`; without them the sources of AWS's own tools apply: environment, files in
 *   ~/.aws, roles.
 */
export function createClient(place: S3Place, secrets: Readonly<Record<string, string>>): S3Client {
  const { accessKey, secretKey } = secrets
  const sockets = { keepAlive: true, maxSockets: MOST_SOCKETS }
  const client = new S3Client({
    endpoint: place.endpoint,
    region: place.region,
    forcePathStyle: place.pathStyle,
    ...(accessKey === undefined || secretKey === undefined
      ? {}
      : { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
    // Some stores refuse the SDK's own checksums, others ignore them; all accept Content-MD5 (see `verifies`).
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // "Expect: 100-continue" would wait for the store before each part.
    expectContinueHeader: false,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENT_MS,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: tlsAgent(sockets, place.certificate),
    },
  })
  client.middlewareStack.add(
    (next) => (request) =>
      next(request).catch((error: unknown) => {
        // After an answer without a body Swift may still send a body's end, which breaks the next request's parsing.
        if (errorCode(error)?.startsWith('HPE_') === true) Object.assign(error as Error, { $retryable: {} })
        throw error
      }),
    { step: 'deserialize', name: 'garbledAnswer' },
  )
  // Applies to a request with all of its attempts.
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (request) =>
        next(request).catch((error: unknown) => {
          throw toStoreFault(error, commandName.replace(/Command$/, ''))
        }),
    { step: 'initialize', priority: 'high', name: 'storeFaults' },
  )
  return client
}
