import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, lstat, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { readCursor } from '../../events/cloud-event.ts'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { toSentence, UserError } from '../../lib/i18n/user-error.ts'
import { errorCode, errorText, toReason } from '../../platform/system-error.ts'
import { loadIdentity } from '../../protocol/identity.ts'
import { type WebSettings, webSettingsSchema } from '../../settings/schema.ts'
import type { Agent } from '../agent.ts'
import type { CommandOutput } from '../contract.ts'
import type { AppState } from '../state/schema.ts'
import { isLoopback, Sessions } from './sessions.ts'
import { Shares } from './shares.ts'

const RETRY_MS = 5_000
/** Interval at which a page for links that nobody uses any more is closed. */
const IDLE_EVERY_MS = 10 * 60_000
/** Limit of connections, which addresses share. */
const MAX_CONNECTIONS = 256
/** A peer that sends its request more slowly is disconnected. */
const LIMITS: ServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
}

/** The settings by which a page is served. */
type Served = Omit<WebSettings, 'link'>

/**
 * Serves the web page as the settings say, and tries again while it cannot. The page's state is in the store. A link
 * leads to that page if it is on loopback; otherwise the same page is served on loopback as long as a browser may come
 * that a link leads to.
 */
export class WebPage {
  readonly #agent: Agent
  readonly #run: (command: string, input: unknown, by: string) => Promise<unknown>
  #settings: Served | null = null
  #open: { settings: Served; server: Server; certificate: string | null } | null = null
  /** The page for links, beside the one of the settings. */
  #forLinks: { server: Server; port: number; ends: NodeJS.Timeout } | null = null
  /** Browsers stay signed in while other settings of the page change. */
  readonly #sessions: Sessions
  #retry: NodeJS.Timeout | null = null
  /** Changes of the settings are applied one after the other. */
  #changing: Promise<void> = Promise.resolve()
  #isStopped = false
  readonly #unsubscribe: () => void

  /** @param run runs a command of the contract for the holder of a token. */
  constructor(agent: Agent, run: (command: string, input: unknown, by: string) => Promise<unknown>) {
    this.#agent = agent
    this.#run = run
    this.#sessions = this.#createSessions()
    this.#unsubscribe = agent.onChange(() => this.#configure(agent.settings.get().web))
    this.#configure(agent.settings.get().web)
  }

  stop(): Promise<void> {
    this.#isStopped = true
    this.#unsubscribe()
    this.#configure(null)
    return this.#changing
  }

  /**
   * Returns a link that signs in one browser of this computer.
   * @throws UserError web.noLinks, web.noPage, web.cannotListen
   */
  createLink(): Promise<CommandOutput<'createPageLink'>> {
    const created = this.#changing.then(async () => {
      if (this.#isStopped)
        throw new UserError('agent.notRunning', { directory: this.#agent.layout.directory })
      if (!this.#agent.settings.get().web.link) throw new UserError('web.noLinks')
      const { host, port } = this.#findLoopback() ?? (await this.#openForLinks())
      const { secret, lastsMs } = this.#sessions.createLink()
      return { link: `http://${formatAddress(host, port)}/#${secret}`, usableUntil: Date.now() + lastsMs }
    })
    this.#changing = created.then(() => undefined, ignoreError('who asks for the link gets the reason'))
    return created
  }

  /** Returns the address of the page of the settings; null if it is off, or not on loopback. */
  #findLoopback(): Pick<Served, 'host' | 'port'> | null {
    const served = this.#open?.settings
    return served?.socket === null && isLoopback(served.host) ? served : null
  }

  /** Serves the page for links, unless it is served already. */
  async #openForLinks(): Promise<Pick<Served, 'host' | 'port'>> {
    const { port } = this.#agent.settings.get().web
    const usual = { ...webSettingsSchema.parse({}), port }
    if (this.#forLinks === null) {
      const { server } = await this.#listen(usual).catch((error: unknown) => {
        if (toSentence(error).key !== 'web.cannotListen') throw error
        // The port is that of another program: the system chooses one.
        return this.#listen({ ...usual, port: 0 })
      })
      const ends = setInterval(() => {
        if (!this.#sessions.hasLinks) this.#changing = this.#changing.then(() => this.#closeForLinks())
      }, IDLE_EVERY_MS).unref()
      this.#forLinks = { server, port: (server.address() as AddressInfo).port, ends }
    }
    return { host: usual.host, port: this.#forLinks.port }
  }

  async #closeForLinks(): Promise<void> {
    const open = this.#forLinks
    this.#forLinks = null
    if (open === null) return
    clearInterval(open.ends)
    await close(open.server)
  }

  #configure(settings: WebSettings | null): void {
    if (settings?.link !== true) {
      this.#sessions.endLinks()
      this.#changing = this.#changing.then(() => this.#closeForLinks())
    }
    // Each attempt has its own copy: one that is not the present copy has another attempt behind it.
    const wanted = settings?.on ? toServed(settings) : null
    // A person who switches it on again has removed the problem, perhaps, and does not wait for the next attempt.
    const isServed = wanted === null || this.#open !== null
    if (isServed && isDeepStrictEqual(wanted, this.#settings)) return
    this.#settings = wanted
    // The state of the former settings must not be taken for that of these.
    this.#agent.store.update({ web: wanted && { address: null, certificate: null, problem: null } })
    this.#changing = this.#changing.then(() => this.#apply(wanted))
  }

  async #apply(settings: Served | null): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    if (settings === null) {
      await this.#close()
      this.#sessions.endAll()
      return this.#show(settings, null)
    }
    // The settings have changed since: a later attempt has the new ones.
    if (settings !== this.#settings) return
    try {
      const { certificate } = await this.#openWith(settings)
      this.#show(settings, { address: formatWebAddress(settings), certificate, problem: null })
    } catch (error) {
      this.#agent.log('warn', `The web page cannot be served: ${errorText(error)}`)
      this.#show(settings, { address: null, certificate: null, problem: toSentence(error) })
      this.#retry = setTimeout(() => {
        this.#changing = this.#changing.then(() => this.#apply(settings))
      }, RETRY_MS).unref()
    }
  }

  /** Shows the result of an attempt, unless another one follows. */
  #show(settings: Served | null, web: AppState['web']): void {
    if (settings === this.#settings) this.#agent.store.update({ web })
  }

  /** Serves the page with these settings, unless it is served with them already. */
  async #openWith(settings: Served): Promise<{ certificate: string | null }> {
    if (this.#open !== null && isDeepStrictEqual(settings, this.#open.settings)) return this.#open
    await this.#close()
    const listening = this.#listen(settings).catch(async (error: unknown) => {
      const isTaken = error instanceof UserError && errorCode(error.cause) === 'EADDRINUSE'
      if (!isTaken || settings.socket !== null || settings.port !== this.#forLinks?.port) throw error
      // The page for links has the port: its browsers go on with the page of the settings, if that is on loopback, too.
      await this.#closeForLinks()
      return this.#listen(settings)
    })
    this.#open = { settings, ...(await listening) }
    return this.#open
  }

  /** @throws UserError web.noPage, web.cannotListen, web.noSocket, web.socketInUse, transfer.identityBroken, transfer.identityUnreadable */
  async #listen(settings: Served): Promise<{ server: Server; certificate: string | null }> {
    const { host, layout, secrets, store, log } = this.#agent
    const page = host.page()
    if (page === null) throw new UserError('web.noPage')
    // Loaded on demand, because most agents serve no page.
    const [{ createWebApp }, { getRequestListener }] = await Promise.all([
      import('./server.ts'),
      import('@hono/node-server'),
    ])
    const isSecure = settings.socket === null && !isLoopback(settings.host)
    const app = createWebApp({
      sessions: this.#sessions,
      names: [...settings.names, hostname().toLowerCase()],
      ...{
        isSecure,
        isSocket: settings.socket !== null,
        proxy: settings.proxy,
        page,
        computer: host.computerName,
        version: host.version,
      },
      run: this.#run,
      snapshot: store.snapshot,
      subscribe: store.subscribe,
      senderMetrics: () => this.#agent.senders.metrics(),
      receiverMetrics: async () => {
        if (store.state.receiving?.isRunning !== true) return ''
        const noText = ignoreError('a receiver that starts again has metrics at the next request', {
          text: '',
        })
        return (await this.#agent.receiver.request('metrics', {}).catch(noText)).text
      },
      followEvents: (since, filter, signal) => this.#agent.events.follow(readCursor(since), filter, signal),
      diagnostics: async () => {
        const { buildDiagnostics } = await import('../parts/diagnostics/diagnostics.ts')
        const { state } = store.snapshot()
        return buildDiagnostics({ layout, state, secrets: secrets.get(), version: host.version })
      },
      logDefect: (error) => log('warn', `A request of the web page failed: ${errorText(error)}`),
    })
    const listener = getRequestListener(app.fetch)
    const identity = isSecure ? await loadIdentity(layout.identity) : null
    const server =
      identity === null
        ? createServer(LIMITS, listener)
        : createSecureServer({ ...LIMITS, cert: identity.certificate, key: identity.key }, listener)
    const connections = new Shares(MAX_CONNECTIONS)
    server.on('connection', (socket: Socket) => {
      // All connections of a Unix socket are those of the proxy.
      const leave = connections.take(socket.remoteAddress ?? '')
      if (leave === null) socket.destroy()
      else socket.once('close', leave)
    })
    await (settings.socket === null ? listenAt(server, settings) : listenOn(server, settings.socket))
    // A connection may fail at any time; it is closed.
    server.on('error', ignoreError('a connection of the web page that failed is closed'))
    return { server, certificate: identity?.fingerprint ?? null }
  }

  #createSessions(): Sessions {
    const { host, layout, settings } = this.#agent
    // Distinguishes agents that a browser reaches by the same host name.
    const id = createHash('sha256')
      .update(`${host.computerName}\n${layout.directory}`)
      .digest('hex')
      .slice(0, 12)
    return new Sessions(settings.get, id)
  }

  async #close(): Promise<void> {
    const open = this.#open
    this.#open = null
    if (open !== null) await close(open.server)
  }
}

/** Returns a new object for each attempt, without the field that changes nothing about it. */
function toServed({ link: _, ...served }: WebSettings): Served {
  return served
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** @throws UserError web.cannotListen */
async function listenAt(server: Server, { host, port }: Served): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    const address = formatAddress(host, port)
    throw new UserError('web.cannotListen', { address, reason: toReason(error) }, { cause: error })
  }
}

/**
 * Listens on a Unix socket, which the user and the group of the agent may use. Server.close removes it.
 * @throws UserError web.socketInUse, web.noSocket
 */
async function listenOn(server: Server, socket: string): Promise<void> {
  try {
    await removeStale(socket)
    server.listen(socket)
    await once(server, 'listening')
    await chmod(socket, 0o660)
  } catch (error) {
    server.close()
    if (error instanceof UserError) throw error
    throw new UserError('web.noSocket', { path: socket, reason: toReason(error) }, { cause: error })
  }
}

/** Removes the socket of an agent that was killed. @throws UserError web.socketInUse: a process accepts connections */
async function removeStale(socket: string): Promise<void> {
  const connection = connect(socket)
  try {
    await once(connection, 'connect')
  } catch (error) {
    // Linux also refuses connections to a file that is no socket.
    if (errorCode(error) === 'ECONNREFUSED' && (await lstat(socket)).isSocket()) await rm(socket)
    return dropError(error, 'listening on the socket reports its reason')
  } finally {
    connection.destroy()
  }
  throw new UserError('web.socketInUse', { path: socket })
}

/** Returns the address to enter in a browser, or in a proxy for a socket. */
function formatWebAddress({ host, port, names, socket }: Served): string {
  if (socket !== null) return `unix:${socket}`
  const isAny = host === '0.0.0.0' || host === '::'
  const shown = names[0] ?? (isAny ? hostname().toLowerCase() : host)
  return `${isLoopback(host) ? 'http' : 'https'}://${formatAddress(shown, port)}/`
}
