import { isIP } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { ignoreError } from '../../dropped-errors.ts'
import type { CloudEvent, EventFilter } from '../../events/cloud-event.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { toSentence } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { LINK_PREFIX } from '../../settings/bounds.ts'
import { eventTypes } from '../../settings/event-sinks.ts'
import type { WebProxy } from '../../settings/schema.ts'
import { getAnswer } from '../answering.ts'
import { isQuery } from '../contract.ts'
import { buildOverview } from '../parts/computers/overview.ts'
import type { SenderMetrics } from '../parts/destinations/senders.ts'
import type { StatePatch, StateSnapshot } from '../state/schema.ts'
import { describeApi } from './openapi.ts'
import { ASSETS, createCompressedReader, readPageFile } from './page-files.ts'
import { createPeerReader, type Peer } from './peer.ts'
import type { Access, Sessions } from './sessions.ts'
import { Shares } from './shares.ts'

const LONGEST_BODY = 4 * 1024 * 1024
/**
 * Limit of open streams, which tokens and users share. A browser has one for each page that it shows, and a computer that
 * watches this one has one.
 */
const MOST_STREAMS = 64
/** Patches that may wait for a slow reader. Beyond, its stream ends: it reconnects and requests a snapshot. */
const MOST_WAITING = 100
/** A comment line that lets both ends detect a dead connection. */
const SIGN_OF_LIFE_MS = 20_000
const HEADER = 'x-holdfast'
/** Headers that many proxies add, trusted or not. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip']
/** Headers of a stream; the answer to HEAD has no body and opens none. */
const STREAM_HEADERS = { 'content-type': 'text/event-stream' }

/** The agent's data and actions that the page needs. */
export interface WebContext {
  /** Host names that requests may have, lower case, besides localhost and all IP addresses. */
  names: readonly string[]
  /** True if the page is served with TLS. */
  isSecure: boolean
  /** True if the page listens on a Unix socket. */
  isSocket: boolean
  proxy: WebProxy
  /** Directory of the built page. */
  page: string
  computer: string
  version: string
  sessions: Sessions
  /** Runs a command of the contract for a signed-in person. @throws UserError */
  run(command: string, input: unknown, by: string): Promise<unknown>
  snapshot(): StateSnapshot
  subscribe(listener: (patch: StatePatch) => void): () => void
  senderMetrics(): Promise<SenderMetrics>
  /** Returns the metrics of this computer's receiver; empty if none runs. */
  receiverMetrics(): Promise<string>
  /** Returns the diagnostics file, a zip archive. */
  diagnostics(): Promise<Uint8Array>
  /** Yields the events behind a cursor, as they come. @throws UserError events.cursor */
  followEvents(since: string, filter: EventFilter, signal: AbortSignal): AsyncGenerator<readonly CloudEvent[]>
  logDefect(error: unknown): void
}

/** Bodies that are no JSON fail the validation of the input. */
const noJson = ignoreError('a body that is no JSON is refused as bad input', null)

type Env = { Bindings: HttpBindings; Variables: { peer: Peer; access: Access } }

/** Creates the request handler of the web page and of its API. */
export function createWebApp(context: WebContext): Hono<Env> {
  const { sessions } = context
  // Loaded on demand, because most pages have no Prometheus.
  let metrics: ReturnType<typeof import('./metrics.ts').createMetrics> | null = null
  const app = new Hono<Env>()
  const readPeer = createPeerReader(context.proxy, context)
  app.use(async (c, next) => {
    const peer = readPeer(c.env.incoming)
    c.set('peer', peer)
    const { host } = peer
    if (!isOwnHost(host, context.names)) return refuse(c, 421, message('web.host'))
    if (!isSafe(c.req.method) && !isFromThisPage(c, peer)) return refuse(c, 403, message('web.origin'))
    return next()
  })
  app.use(
    '/api/*',
    bodyLimit({ maxSize: LONGEST_BODY, onError: (c) => refuse(c, 413, message('web.tooLong')) }),
  )
  app.use('/api/*', async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
  })
  addSessionRoutes(app, sessions, context)
  const requireAccess: MiddlewareHandler<Env> = async (c, next) => {
    const access = authenticate(c, sessions)
    if (access === 'limited') return refuse(c, 429, message('web.limited'))
    if (access === null) return refuse(c, 401, message('web.signIn'))
    c.set('access', access)
    return next()
  }
  app.use('/api/*', requireAccess)
  app.get('/metrics', requireAccess, async (c) => {
    metrics ??= (await import('./metrics.ts')).createMetrics()
    const [senders, ofReceiver] = await Promise.all([context.senderMetrics(), context.receiverMetrics()])
    const page = await metrics.page(context.snapshot().state, senders)
    return c.body(`${page}${ofReceiver}`, 200, { 'content-type': metrics.contentType })
  })
  app.post('/api/commands/:name', (c) => runCommand(c, context))
  const streams = new Shares(MOST_STREAMS)
  const openStream = createEventStream(context, sessions, streams)
  app.get('/api/events', (c) =>
    openStream(c, (patch) => `event: patch\ndata: ${JSON.stringify(patch ?? presentRevision(context))}\n\n`),
  )
  app.get('/api/overview', (c) => {
    let sent = ''
    return openStream(c, () => {
      const data = JSON.stringify(buildOverview(context.snapshot().state, context.computer, Date.now()))
      if (data === sent) return null
      sent = data
      return `event: overview\ndata: ${data}\n\n`
    })
  })
  app.get('/api/cloudevents', (c) => openCloudEvents(c, context, sessions, streams))
  app.get('/api/openapi.json', (c) => c.json(describeApi(context.version)))
  app.get('/api/diagnostics', async (c) => {
    if (c.get('access').role !== 'operator') return refuse(c, 403, message('web.viewer'))
    const zip = new Uint8Array(await context.diagnostics())
    const name = 'attachment; filename="holdfast-diagnostics.zip"'
    return c.body(zip, 200, { 'content-type': 'application/zip', 'content-disposition': name })
  })
  // Never answers with secrets: their length would show through the compression (BREACH).
  const readCompressed = createCompressedReader(context.page)
  app.get('*', async (c) => {
    const pathname = c.req.path === '/' ? '/index.html' : c.req.path
    const isCompressed = pathname.startsWith(ASSETS) && /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
    const file = await (isCompressed
      ? readCompressed(pathname)
      : readPageFile(context.page, pathname, 'self'))
    return file === null ? c.notFound() : c.body(file.body, 200, file.headers)
  })
  app.notFound((c) => refuse(c, 404, message('web.notFound')))
  app.onError((error, c) => {
    context.logDefect(error)
    return refuse(c, 500, message('problem.other', { reason: error.message }))
  })
  return app
}

/** Returns the first patch of a stream: its revision alone shows a page with an older snapshot that it missed patches. */
function presentRevision({ snapshot }: WebContext): StatePatch {
  const { revision } = snapshot()
  return { base: revision, revision, changes: {} }
}

/** Adds signing in and out: a token, or the secret of a link, is exchanged for a cookie that scripts cannot read. */
function addSessionRoutes(app: Hono<Env>, sessions: Sessions, { computer }: WebContext): void {
  const toSession = (access: Access) => ({ output: { ...access, computer } })
  app.get('/api/session', (c) => {
    const access = c.get('peer').user ?? findSession(c, sessions)
    return access === null ? refuse(c, 401, message('web.signIn')) : c.json(toSession(access))
  })
  app.post('/api/session', async (c) => {
    const body: unknown = await c.req.json().catch(noJson)
    const given = typeof body === 'object' && body !== null && 'token' in body ? body.token : null
    if (typeof given !== 'string') return refuse(c, 400, message('web.signIn'))
    const { address, isSecure } = c.get('peer')
    const secret = given.trim()
    const isForwarded = FORWARDED.some((name) => c.req.header(name) !== undefined)
    const session = sessions.signIn(secret, address, isForwarded)
    if (session === 'limited') return refuse(c, 429, message('web.limited'))
    if (session === null)
      return refuse(c, 401, message(secret.startsWith(LINK_PREFIX) ? 'web.usedLink' : 'web.wrongToken'))
    const options = { httpOnly: true, sameSite: 'Strict', path: '/', secure: isSecure } as const
    setCookie(c, sessions.cookie, session.id, options)
    return c.json(toSession(session.access))
  })
  app.delete('/api/session', (c) => {
    sessions.end(getCookie(c, sessions.cookie) ?? '')
    deleteCookie(c, sessions.cookie, { path: '/', secure: c.get('peer').isSecure })
    return c.json({ output: {} })
  })
}

/** Returns the access of a request: the user of a trusted proxy, else by its Authorization header, else by its cookie. */
function authenticate(c: Context<Env>, sessions: Sessions): Access | null | 'limited' {
  const { user, address } = c.get('peer')
  if (user !== null) return user
  const [, bearer] = /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
  if (bearer === undefined) return findSession(c, sessions)
  return sessions.authenticate(bearer, address)
}

const toUser = (c: Context<Env>): string => `${c.get('access').by} ${c.get('access').name}`

/** Returns false after the token was removed. */
function hasAccess(c: Context<Env>, sessions: Sessions): boolean {
  const access = authenticate(c, sessions)
  return access !== null && access !== 'limited'
}

function findSession(c: Context<Env>, sessions: Sessions): Access | null {
  return sessions.find(getCookie(c, sessions.cookie) ?? '')
}

async function runCommand(c: Context<Env>, { run, logDefect }: WebContext) {
  const name = c.req.param('name') ?? ''
  const { role, name: by } = c.get('access')
  if (role === 'viewer' && !isQuery(name)) return refuse(c, 403, message('web.viewer'))
  const input: unknown = await c.req.json().catch(noJson)
  const answer = await getAnswer(() => run(name, input, by), logDefect)
  return 'sentence' in answer ? refuse(c, 400, answer.sentence) : c.json(answer)
}

/**
 * Returns a function that answers with a stream of server-sent events (HTML standard, 9.2).
 * `format` returns the text to send at the start (null) and at each patch; null: nothing.
 */
function createEventStream(context: WebContext, sessions: Sessions, streams: Shares) {
  const encoder = new TextEncoder()
  return (c: Context<Env>, format: (patch: StatePatch | null) => string | null) => {
    if (c.req.method === 'HEAD') return c.body(null, 200, STREAM_HEADERS)
    const leave = streams.take(toUser(c))
    if (leave === null) return refuse(c, 503, message('web.busy'))
    let stop = () => undefined as undefined
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const write = (text: string | null) => text !== null && controller.enqueue(encoder.encode(text))
          const unsubscribe = context.subscribe((patch) => {
            // A removed token is a change of the settings, which is a patch.
            const isSlow = (controller.desiredSize ?? 0) < -MOST_WAITING
            if (isSlow || !hasAccess(c, sessions)) {
              stop()
              controller.close()
            } else write(format(patch))
          })
          const life = setInterval(() => write(':\n\n'), SIGN_OF_LIFE_MS)
          stop = () => {
            stop = () => undefined
            leave()
            clearInterval(life)
            unsubscribe()
          }
          write('retry: 1000\n\n')
          write(format(null))
        },
        cancel: () => stop(),
      },
      new CountQueuingStrategy({ highWaterMark: 1 }),
    )
    return c.body(body, 200, STREAM_HEADERS)
  }
}

/**
 * Answers with events as server-sent events, from the cursor of the header Last-Event-ID or of the parameter `since`.
 * The next ones are read when the reader has taken the last: a slow reader costs no memory.
 */
async function openCloudEvents(
  c: Context<Env>,
  { followEvents }: WebContext,
  sessions: Sessions,
  streams: Shares,
) {
  const types = c.req.queries('type')?.map((type) => type.replace(/^app\.holdfast\./, '')) ?? null
  const known = types === null ? null : z.array(z.enum(eventTypes)).min(1).safeParse(types)
  if (known?.success === false)
    return refuse(c, 400, message('events.type', { known: eventTypes.join(', ') }))
  const filter = { types: known?.data ?? null, sources: c.req.queries('source') ?? null }
  const ending = new AbortController()
  const since = c.req.header('last-event-id') ?? c.req.query('since') ?? 'now'
  let events: AsyncGenerator<readonly CloudEvent[]>
  try {
    events = followEvents(since, filter, ending.signal)
  } catch (error) {
    return refuse(c, 400, toSentence(error))
  }
  if (c.req.method === 'HEAD') return c.body(null, 200, STREAM_HEADERS)
  const leave = streams.take(toUser(c))
  if (leave === null) return refuse(c, 503, message('web.busy'))
  let life: NodeJS.Timeout | undefined
  const end = () => {
    clearInterval(life)
    leave()
  }
  ending.signal.addEventListener('abort', end, { once: true })
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode('retry: 1000\n\n'))
        life = setInterval(() => {
          // A removed token ends the stream, also of a reader that has stopped to read.
          if (!hasAccess(c, sessions)) {
            ending.abort()
            controller.close()
          } else if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(':\n\n'))
        }, SIGN_OF_LIFE_MS)
      },
      async pull(controller) {
        const result = await events.next()
        if (ending.signal.aborted) return
        if (result.done || !hasAccess(c, sessions)) {
          ending.abort()
          return controller.close()
        }
        const text = result.value.map(
          (event) => `id: ${event.cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
        )
        controller.enqueue(encoder.encode(text.length === 0 ? ':\n\n' : text.join('')))
      },
      cancel: () => ending.abort(),
    },
    new CountQueuingStrategy({ highWaterMark: 1 }),
  )
  return c.body(body, 200, STREAM_HEADERS)
}

function refuse(c: Context, status: ContentfulStatusCode, sentence: Message) {
  return c.json({ sentence, text: englishWords(sentence) }, status)
}

const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD'

/**
 * True if the Host header names this computer. With DNS rebinding, a web page can make a browser send requests here
 * under the page's own host name. IP addresses are safe: no other party can point one elsewhere.
 */
function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false
  const { hostname } = new URL(`http://${host}`)
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || hostname === 'localhost' || names.includes(hostname)
}

/**
 * True unless a request that may change something comes from another page (CSRF). Only this page's scripts can set
 * the header: a browser asks before it sends it elsewhere, and gets no permission here (Fetch standard, CORS).
 */
function isFromThisPage(c: Context, { host, isSecure }: Peer): boolean {
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site')
  // Scheme, host and port (RFC 6454, 4); a Host header may have the port that an origin omits.
  const isOwn = origin === undefined || origin === new URL(`${isSecure ? 'https' : 'http'}://${host}`).origin
  return isOwn && (site === undefined || site === 'same-origin') && c.req.header(HEADER) !== undefined
}
