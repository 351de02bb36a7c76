import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { cleanText, explainCertificate, tlsAgent } from '../../../backends/objects/https.ts'
import { ignoreError } from '../../../dropped-errors.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { limitBytes } from '../../../lib/network/answers.ts'
import { findProxyProblem, HttpAgent } from '../../../lib/network/tunnel.ts'
import { errorCode } from '../../../platform/system-error.ts'
import type { WatchedComputer } from '../../../settings/schema.ts'
import { type Overview, overviewSchema } from './overview.ts'

// The connection to a computer that is watched: one stream of overviews, over HTTP.

/** Time limit until the first overview. */
const FIRST_WITHIN_MS = 15_000
/** A page sends a sign of life every 20 s. */
const SILENT_MS = 50_000
/** Limit in characters. */
const LONGEST_LINE = 256 * 1024
/** Limit of the bytes of a stream in each period: an overview has some KB, and is sent when it changes. */
const MOST_BYTES = 4 * 1024 * 1024
const PERIOD_MS = 10_000
const DATA = 'data: '

export interface Target extends Pick<WatchedComputer, 'name' | 'address' | 'certificate'> {
  token: string
}

/** An open stream. */
interface OverviewStream {
  first: Overview
  localAddress: string | null
}

interface StreamEvents {
  /** Each overview, the first one before the stream counts as open. */
  onOverview(overview: Overview): void
  onEnd(reason: Error): void
}

/**
 * Opens the stream of another computer's overviews. The token is sent only after the certificate was verified.
 * @param signal ends the stream.
 * @throws UserError if only a person can help; otherwise the system error.
 */
export function openOverviews(
  target: Target,
  signal: AbortSignal,
  { onOverview, onEnd }: StreamEvents,
): Promise<OverviewStream> {
  const { address, certificate, token } = target
  const url = new URL('api/overview', address)
  const options = { signal, headers: { authorization: `Bearer ${token}` } }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, agent: tlsAgent({}, certificate) })
        : httpRequest(url, { ...options, agent: new HttpAgent() })
    const late = setTimeout(() => request.destroy(timedOut()), FIRST_WITHIN_MS)
    let isOpen = false
    const end = (error: Error) => {
      clearTimeout(late)
      if (isOpen) onEnd(error)
      else void explainFailure(error, target).then((sentence) => reject(toError(sentence, error)))
    }
    request.on('error', end)
    request.on('response', (response) => {
      if (response.statusCode !== 200) {
        request.destroy(toStatusError(response, target))
        return
      }
      readOverviews(request, response, (overview) => {
        onOverview(overview)
        if (isOpen) return
        isOpen = true
        clearTimeout(late)
        resolve({ first: overview, localAddress: response.socket.localAddress ?? null })
      })
      response.on('error', end)
      response.on('close', () => end(Object.assign(new Error('closed'), { code: 'ECONNRESET' })))
    })
    request.setTimeout(SILENT_MS, () => request.destroy(timedOut()))
    request.end()
  })
}

/** Parses the events of a stream. What is no overview ends it. */
function readOverviews(
  request: ClientRequest,
  response: IncomingMessage,
  onOverview: (overview: Overview) => void,
): void {
  let rest = ''
  let count = limitBytes(MOST_BYTES)
  let since = performance.now()
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    try {
      if (performance.now() - since > PERIOD_MS) {
        count = limitBytes(MOST_BYTES)
        since = performance.now()
      }
      count(chunk.length)
      if (rest.length > LONGEST_LINE) throw new Error('a line is too long')
      for (const line of lines)
        if (line.startsWith(DATA)) onOverview(overviewSchema.parse(JSON.parse(line.slice(DATA.length))))
    } catch (error) {
      request.destroy(new Error('no overview', { cause: error }))
    }
  })
}

const timedOut = () => Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })

function toStatusError({ statusCode = 0 }: IncomingMessage, { name, address }: Target): Error {
  if (statusCode === 401) return new UserError('computer.wrongToken', { name, address })
  // Busy, or behind a proxy whose server is away: a later attempt can succeed.
  if ([429, 502, 503, 504].includes(statusCode)) return new Error(`HTTP ${statusCode}`)
  return new UserError('computer.noOverview', { address, status: statusCode })
}

/** Returns the sentence for a failure that only a person can end; null: a later attempt can succeed. */
async function explainFailure(error: Error, { name, address }: Target): Promise<Message | null> {
  if (error instanceof UserError) return error.sentence
  return explainCertificate(error, address, { name, address, reason: toReason(error) })
}

const toError = (sentence: Message | null, error: Error): Error =>
  sentence === null ? error : new UserError(sentence.key, sentence.params, { cause: error })

const toReason = (error: unknown): string =>
  errorCode(error) ?? (error instanceof Error ? cleanText(error.message) : 'ECONNRESET')

/** Returns the sentence for a computer that cannot be reached now. */
export const describeUnreachable = (error: unknown, { name, address }: Omit<Target, 'token'>): Message =>
  findProxyProblem(error) ?? message('computer.unreachable', { name, address, reason: toReason(error) })

/**
 * Reads the overview of a computer before it is added.
 * @throws UserError computer.wrongToken, computer.noOverview, computer.unreachable, s3.wrongCertificate; s3.untrusted with
 * the fingerprint of a certificate that a person has to confirm
 */
export async function readOverview(target: Target): Promise<Overview> {
  const ending = new AbortController()
  const ignore = ignoreError('the stream was opened for its first overview alone')
  try {
    return (await openOverviews(target, ending.signal, { onOverview: () => undefined, onEnd: ignore })).first
  } catch (error) {
    if (error instanceof UserError) throw error
    const { key, params } = describeUnreachable(error, target)
    throw new UserError(key, params, { cause: error })
  } finally {
    ending.abort()
  }
}
