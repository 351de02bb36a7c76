import { Agent as HttpAgent } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import { errorCode } from '../../../platform/system-error.ts'
import type { S3Destination } from '../../../settings/destination-schema.ts'
import { tlsAgent } from './certificate.ts'
import { faultOf } from './faults.ts'

/** Requests that are best under way at a time: past these a store is only asked to queue them itself. */
export const PARALLEL = 32
/** Parts of large objects, listings and the like go beside the small objects. */
const MOST_SOCKETS = PARALLEL + 16
const CONNECT_MS = 10_000
/** A store that copies or puts parts together may be silent for a while. */
const SILENT_MS = 120_000
const ATTEMPTS = 3

/** Where a bucket is. */
export type S3Place = Pick<S3Destination, 'endpoint' | 'region' | 'pathStyle' | 'certificate'>

/**
 * A client whose requests throw StoreFaults.
 * @param secrets `accessKey` and `secretKey`; without them what AWS's own tools use is used, too: environment, files in
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
    // The SDK's own checksums are refused by some stores and not looked at by others; Content-MD5 all of them check.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would wait for the store before each part.
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
        // Swift sends a body's end after an answer that has none: the next request on that connection finds it.
        if (errorCode(error)?.startsWith('HPE_') === true) Object.assign(error as Error, { $retryable: {} })
        throw error
      }),
    { step: 'deserialize', name: 'garbledAnswer' },
  )
  // Around all attempts of a request.
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (request) =>
        next(request).catch((error: unknown) => {
          throw faultOf(error, commandName.replace(/Command$/, ''))
        }),
    { step: 'initialize', priority: 'high', name: 'storeFaults' },
  )
  return client
}
