import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import { HttpAgent } from '../../lib/network/tunnel.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import type { WebdavDestination } from '../../settings/destination-schema.ts'
import { cleanText, kindsByHttpStatus, tlsAgent } from '../objects/https.ts'
import { BackendError, type BackendErrorKind } from '../objects/object-store.ts'

// HTTP requests to a WebDAV server. Redirects are not followed: the password must reach only the configured server.

/** Longest silence of a server: it may copy a large file before it answers. */
const SILENT_MS = 120_000
/** Unused connections are closed before usual servers do it, at whose end a request could be lost. */
const IDLE_MS = 4_000

/** The reason of the error if a server keeps no properties: it would lose times and modes. */
export const NO_PROPERTIES = 'the server keeps no properties of files (PROPPATCH)'

export type WebdavPlace = Pick<WebdavDestination, 'url' | 'user' | 'certificate'>

interface RequestOptions {
  headers?: OutgoingHttpHeaders
  body?: Uint8Array | string
  /** Statuses above 299 that the caller handles; others throw. */
  accepts?: (status: number) => boolean
  signal?: AbortSignal
}

/** The content of a file under way. After a failure only `destroy` may be called. */
export interface PutStream {
  /** Resolves when the memory may be reused. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the server has confirmed the content. */
  end(): Promise<void>
  destroy(): void
}

const kindsByStatus: Readonly<Record<number, BackendErrorKind>> = {
  ...kindsByHttpStatus,
  // The directory above is missing, or a file.
  409: 'absent',
  414: 'impossible',
  // Also during maintenance.
  503: 'lost',
}

/**
 * Returns a refusal, or a request without an answer, whose connection was cut, as an error. 423 (locked), 429 (too many
 * requests) and most of 500 to 599 pass by themselves.
 */
export function toBackendError(failure: unknown, method = ''): BackendError {
  if (failure instanceof BackendError) return failure
  if (!(failure instanceof http.IncomingMessage))
    return new BackendError('lost', errorCode(failure) ?? errorText(failure), { cause: failure })
  const { statusCode = 0, statusMessage = '' } = failure
  const text = cleanText(`HTTP ${statusCode} ${statusMessage} (${method})`)
  return new BackendError(kindsByStatus[statusCode] ?? 'failed', text)
}

export class WebdavClient {
  /** The directory of all names, with "/" at both ends. */
  readonly root: string
  readonly #url: URL
  readonly #authorization: string
  readonly #agent: http.Agent

  constructor({ url, user, certificate }: WebdavPlace, password: string, mostSockets: number) {
    this.#url = new URL(url)
    this.root = this.#url.pathname.replace(/\/*$/, '/')
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const options = { keepAlive: true, maxSockets: mostSockets, timeout: IDLE_MS }
    this.#agent = this.#url.protocol === 'https:' ? tlsAgent(options, certificate) : new HttpAgent(options)
  }

  /** Returns the path of a name in the root. */
  toPath(name: string): string {
    return `${this.root}${name.split('/').map(encodeURIComponent).join('/')}`
  }

  /** Returns the whole address of a name: Apache accepts no path as the target of a move. */
  toAddress(name: string): string {
    return `${this.#url.origin}${this.toPath(name)}`
  }

  /** Sends a request. The caller reads or discards the body. @throws BackendError. */
  async send(
    method: string,
    path: string,
    { headers = {}, body = '', accepts = () => false, signal }: RequestOptions = {},
  ): Promise<IncomingMessage> {
    const length = Buffer.byteLength(body)
    const request = this.#open(
      method,
      path,
      length === 0 ? headers : { ...headers, 'Content-Length': length },
    )
    const abort = () => request.destroy(new BackendError('lost', 'aborted'))
    signal?.addEventListener('abort', abort)
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', (error) => reject(toBackendError(error)))
    })
    request.end(body)
    try {
      const response = await answer
      response.once('close', () => signal?.removeEventListener('abort', abort))
      const { statusCode = 0 } = response
      if (statusCode < 300 || accepts(statusCode)) return response
      response.resume()
      throw toBackendError(response, method)
    } catch (error) {
      signal?.removeEventListener('abort', abort)
      throw error
    }
  }

  /** Sends a request whose answer has no body of interest. @throws BackendError. */
  async tell(method: string, path: string, options?: RequestOptions): Promise<void> {
    ;(await this.send(method, path, options)).resume()
  }

  /** Begins to send the content of a file. */
  put(path: string, size: number): PutStream {
    const request = this.#open('PUT', path, { 'Content-Length': size })
    let failure: unknown = null
    /** Rejects the write that waits: a server that has answered reads no more. */
    let rejectWrite = (_error: unknown): void => undefined
    const answered = new Promise<void>((resolve, reject) => {
      request.once('response', (response) => {
        response.resume()
        const { statusCode = 0 } = response
        if (statusCode >= 200 && statusCode < 300) resolve()
        else reject(toBackendError(response, 'PUT'))
      })
      request.on('error', (error) => reject(toBackendError(error)))
    })
    answered.catch((error: unknown) => {
      failure = error
      rejectWrite(error)
    })
    return {
      write: (bytes) =>
        new Promise((resolve, reject) => {
          if (failure !== null) return reject(failure)
          rejectWrite = reject
          // Its error also ends the request, which rejects the write.
          request.write(bytes, (error) => error ?? resolve())
        }),
      async end() {
        request.end()
        await answered
      },
      destroy: () => void request.destroy(),
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #open(method: string, path: string, headers: OutgoingHttpHeaders): ClientRequest {
    const { protocol, hostname, port } = this.#url
    const request = (protocol === 'https:' ? https : http).request({
      method,
      path,
      host: hostname.replace(/^\[|\]$/g, ''),
      ...(port === '' ? {} : { port }),
      headers: { ...headers, Authorization: this.#authorization },
      agent: this.#agent,
      timeout: SILENT_MS,
    })
    request.on('timeout', () => request.destroy(new BackendError('lost', 'ETIMEDOUT')))
    return request
  }
}

/** Yields the body of an answer. @throws BackendError `lost` if it ends early. */
export async function* readBody(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response
  } catch (error) {
    throw toBackendError(error)
  }
}
