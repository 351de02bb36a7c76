import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { hostname } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { ignoreError } from '../../dropped-errors.ts'
import { readCursor } from '../../events/cloud-event.ts'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { toSentence, UserError } from '../../lib/i18n/user-error.ts'
import { errorText, toReason } from '../../platform/system-error.ts'
import { loadIdentity } from '../../protocol/identity.ts'
import type { WebSettings } from '../../settings/schema.ts'
import type { Agent } from '../agent.ts'

const RETRY_MS = 5_000
const MAX_CONNECTIONS = 256
/** A peer that sends its request more slowly is disconnected. */
const LIMITS: ServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
}

/** Serves the web page as the settings say, and tries again while it cannot. The page's state is in the store. */
export class WebPage {
  readonly #agent: Agent
  readonly #run: (command: string, input: unknown, by: string) => Promise<unknown>
  #settings: WebSettings | null = null
  #server: Server | null = null
  #retry: NodeJS.Timeout | null = null
  /** Changes of the settings are applied one after the other. */
  #changing: Promise<void> = Promise.resolve()
  readonly #unsubscribe: () => void

  /** @param run runs a command of the contract for the holder of a token. */
  constructor(agent: Agent, run: (command: string, input: unknown, by: string) => Promise<unknown>) {
    this.#agent = agent
    this.#run = run
    this.#unsubscribe = agent.store.subscribe(({ changes }) => {
      if (changes.settings !== undefined) this.#configure(changes.settings.web)
    })
    this.#configure(agent.settings.get().web)
  }

  stop(): Promise<void> {
    this.#unsubscribe()
    this.#configure(null)
    return this.#changing
  }

  #configure(settings: WebSettings | null): void {
    const wanted = settings?.on ? settings : null
    if (isDeepStrictEqual(wanted, this.#settings)) return
    this.#settings = wanted
    this.#changing = this.#changing.then(() => this.#apply(wanted))
  }

  async #apply(settings: WebSettings | null): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    await this.#close()
    if (settings === null) return this.#agent.store.update({ web: null })
    try {
      const { server, certificate } = await this.#listen(settings)
      this.#server = server
      this.#agent.store.update({ web: { address: formatWebAddress(settings), certificate, problem: null } })
    } catch (error) {
      const problem = toSentence(error)
      this.#agent.log('warn', `The web page cannot be served: ${errorText(error)}`)
      this.#agent.store.update({ web: { address: null, certificate: null, problem } })
      this.#retry = setTimeout(() => {
        this.#changing = this.#changing.then(() => this.#apply(settings))
      }, RETRY_MS).unref()
    }
  }

  /** @throws UserError web.noPage, web.cannotListen, transfer.identityBroken, transfer.identityUnreadable */
  async #listen(settings: WebSettings): Promise<{ server: Server; certificate: string | null }> {
    const { host, layout, secrets, store, log } = this.#agent
    if (host.page === null) throw new UserError('web.noPage')
    // Loaded on demand, because most agents serve no page.
    const [{ createWebApp }, { getRequestListener }] = await Promise.all([
      import('./server.ts'),
      import('@hono/node-server'),
    ])
    const isSecure = !isLoopback(settings.host)
    const app = createWebApp({
      id: createHash('sha256').update(`${host.computerName}\n${layout.directory}`).digest('hex').slice(0, 12),
      names: [...settings.names, hostname().toLowerCase()],
      ...{ isSecure, page: host.page, computer: host.computerName, version: host.version },
      tokens: () => this.#agent.settings.get().webTokens,
      run: this.#run,
      state: () => store.snapshot().state,
      subscribe: store.subscribe,
      receiverMetrics: async () => {
        if (store.state.receiving?.isRunning !== true) return ''
        const noText = ignoreError('a receiver that starts again has metrics at the next request', {
          text: '',
        })
        return (await this.#agent.receiver.request('metrics', {}).catch(noText)).text
      },
      followEvents: (since, filter, signal) => this.#agent.events.follow(readCursor(since), filter, signal),
      diagnostics: async () => {
        const { buildDiagnostics } = await import('../diagnostics.ts')
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
    server.maxConnections = MAX_CONNECTIONS
    try {
      server.listen(settings.port, settings.host)
      await once(server, 'listening')
    } catch (error) {
      const address = formatAddress(settings.host, settings.port)
      throw new UserError('web.cannotListen', { address, reason: toReason(error) }, { cause: error })
    }
    // A connection may fail at any time; it is closed.
    server.on('error', ignoreError('a connection of the web page that failed is closed'))
    return { server, certificate: identity?.fingerprint ?? null }
  }

  async #close(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
}

const isLoopback = (host: string): boolean => host === '::1' || host.startsWith('127.')

/** Returns the address to enter in a browser. */
function formatWebAddress({ host, port, names }: WebSettings): string {
  const isAny = host === '0.0.0.0' || host === '::'
  const shown = names[0] ?? (isAny ? hostname().toLowerCase() : host)
  return `${isLoopback(host) ? 'http' : 'https'}://${formatAddress(shown, port)}/`
}
