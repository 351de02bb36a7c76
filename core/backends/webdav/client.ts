import { createHash } from 'node:crypto'
import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import { EndlessAnswer, parseLoginSchemes, readAnswer } from '../../lib/network/answers.ts'
import { HttpAgent } from '../../lib/network/tunnel.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import type { DestinationOf } from '../../settings/destination-schema.ts'
import { BackendError, type BackendErrorKind } from '../errors.ts'
import { cleanText, kindsByHttpStatus, tlsAgent } from '../objects/https.ts'

// HTTP requests to a WebDAV server. Redirects are not followed: the password must reach only the configured server. It is
// sent once the server has asked for a login in the form (Basic) that has the password in it.

/** Longest silence of a server: it may copy a large file before it answers. */
const SILENT_MS = 120_000
/** Unused connections are closed before usual servers do it, at whose end a request could be lost. */
const IDLE_MS = 4_000

/** The reason of the error if a server keeps no properties: it would lose times and modes. */
export const NO_PROPERTIES = 'the server keeps no properties of files (PROPPATCH)'
/** Ends the reason of the error if a server does not accept its own address as the target of a move. */
export const MOVE_REFUSED = '(MOVE, by https: and http:)'

export type WebdavPlace = Pick<DestinationOf<'webdav'>, 'url' | 'user' | 'certificate'>

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
  /** Resolves when the server has confirmed the content. `isProven`: with the right digest of what it received. */
  end(): Promise<{ isProven: boolean; sha1: string }>
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
  if (failure instanceof EndlessAnswer) return new BackendError('failed', failure.message, { cause: failure })
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
  readonly #login: string
  /** Null until the server asks for it. */
  #authorization: string | null = null
  /** The beginning of the addresses in the header of a move. */
  #moveOrigin: string
  /** The server has taken an address that begins so. */
  #hasMoved = false
  readonly #agent: http.Agent

  constructor({ url, user, certificate }: WebdavPlace, password: string, mostSockets: number) {
    this.#url = new URL(url)
    this.root = this.#url.pathname.replace(/\/*$/, '/')
    this.#moveOrigin = this.#url.origin
    this.#login = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const options = { keepAlive: true, maxSockets: mostSockets, timeout: IDLE_MS }
    this.#agent = this.#url.protocol === 'https:' ? tlsAgent(options, certificate) : new HttpAgent(options)
  }

  /** Returns the path of a name in the root. */
  toPath(name: string): string {
    return `${this.root}${name.split('/').map(encodeURIComponent).join('/')}`
  }

  /** Gives a file, or a copy of it, a name. @throws BackendError. */
  async relocate(method: 'MOVE' | 'COPY', from: string, to: string, Overwrite: 'T' | 'F'): Promise<void> {
    const attempt = (origin: string): Promise<void> =>
      // Apache accepts no path as the target.
      this.tell(method, this.toPath(from), {
        headers: { Destination: `${origin}${this.toPath(to)}`, Overwrite },
      })
    const isRefused = (error: unknown) =>
      error instanceof BackendError && error.reason.startsWith('HTTP 502 ')
    const origin = this.#moveOrigin
    const succeed = (taken: string) => {
      this.#moveOrigin = taken
      this.#hasMoved = true
    }
    try {
      await attempt(origin)
      succeed(origin)
    } catch (error) {
      // A server that has taken these addresses is out of order for a moment.
      if (!isRefused(error) || this.#hasMoved) throw error
      // Behind a proxy that ends TLS, Apache has the same address without TLS.
      const other = origin.replace(/^\w+/, origin.startsWith('https:') ? 'http' : 'https')
      await attempt(other).catch((second: unknown) => {
        const isNoBetter = isRefused(second) || ['impossible', 'denied'].includes(toBackendError(second).kind)
        throw isNoBetter ? new BackendError('failed', `HTTP 502 ${MOVE_REFUSED}`, { cause: second }) : second
      })
      succeed(other)
    }
  }

  /** Sends a request. The caller reads or discards the body. @throws BackendError. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const { accepts = () => false } = options
    const sent = this.#authorization
    let response = await this.#exchange(method, path, options)
    if (sent === null && this.#asksForLogin(response) && this.#mayLogIn(response)) {
      discard(response)
      response = await this.#exchange(method, path, options)
    }
    const { statusCode = 0 } = response
    // It lists failures (RFC 4918, section 13), where it is not the answer to a question.
    const isListed = statusCode === 207 && !method.startsWith('PROP')
    if ((statusCode < 300 && !isListed) || accepts(statusCode)) return response
    discard(response)
    throw toBackendError(response, method)
  }

  /** True for an answer that another user may not get. Over TLS a server may hide from those who are not logged in. */
  #asksForLogin({ statusCode = 0 }: IncomingMessage): boolean {
    return statusCode === 401 || (this.#url.protocol === 'https:' && [403, 404].includes(statusCode))
  }

  /** Returns true if a server accepts a login that contains the password. */
  #mayLogIn(response: IncomingMessage): boolean {
    const schemes = getLoginSchemes(response)
    if (schemes.length > 0 && !schemes.includes('Basic')) return false
    this.#authorization = this.#login
    return true
  }

  async #exchange(
    method: string,
    path: string,
    { headers = {}, body = '', signal }: RequestOptions,
  ): Promise<IncomingMessage> {
    const request = this.#open(method, path, headers)
    // Without an error of its own, for which a connection may have no listener any more.
    const abort = () => request.destroy()
    signal?.addEventListener('abort', abort)
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', (error) => reject(toBackendError(error)))
    })
    request.end(body)
    try {
      const response = await answer
      response.once('close', () => signal?.removeEventListener('abort', abort))
      return response
    } catch (error) {
      signal?.removeEventListener('abort', abort)
      throw error
    }
  }

  /** Sends a request whose answer has no body of interest. @throws BackendError. */
  async tell(method: string, path: string, options?: RequestOptions): Promise<void> {
    discard(await this.send(method, path, options))
  }

  /** Begins to send the content of a file. */
  put(path: string, size: number): PutStream {
    // Nextcloud returns the digest of what it received, if it is asked for one.
    const request = this.#open('PUT', path, { 'Content-Length': size, 'X-Hash': 'sha1' })
    const hash = createHash('sha1')
    let failure: unknown = null
    /** Rejects the write that waits: a server that has answered reads no more. */
    let rejectWrite = (_error: unknown): void => undefined
    const answered = new Promise<string>((resolve, reject) => {
      request.once('response', (response) => {
        discard(response)
        const { statusCode = 0, headers } = response
        if (statusCode >= 200 && statusCode < 300 && statusCode !== 207)
          resolve(String(headers['x-hash-sha1'] ?? ''))
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
          hash.update(bytes)
          // Its error also ends the request, which rejects the write.
          request.write(bytes, (error) => error ?? resolve())
        }),
      async end() {
        request.end()
        const found = await answered
        const sha1 = hash.digest('hex')
        if (found !== '' && found !== sha1)
          throw new BackendError('damaged', 'the server received other bytes')
        return { isProven: found === sha1, sha1 }
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
      headers: this.#authorization === null ? headers : { ...headers, Authorization: this.#authorization },
      agent: this.#agent,
      timeout: SILENT_MS,
    })
    request.on('timeout', () => request.destroy(new BackendError('lost', 'ETIMEDOUT')))
    return request
  }
}

/** Returns the schemes of logins that the server of a refused request offers, such as "Digest". */
export const getLoginSchemes = ({ headers }: IncomingMessage): string[] =>
  parseLoginSchemes(headers['www-authenticate'])

/** Yields a content, or another body within limits. @throws BackendError: `lost` if it ends early, `failed` if it does not. */
export async function* readBody(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw toBackendError(error)
  }
}

/** Reads the rest of an answer, so that its connection can be used again; cuts the connection beyond the limits. */
export function discard(response: IncomingMessage): void {
  const read = async () => {
    for await (const _ of readAnswer(response));
  }
  read().catch(() => response.destroy())
}
