import { randomBytes, timingSafeEqual } from 'node:crypto'
import { getUserName } from '../../platform/user-name.ts'
import { LINK_PREFIX } from '../../settings/bounds.ts'
import type { Settings, WebRole, WebToken } from '../../settings/schema.ts'
import { digestOf, findToken } from '../../settings/web-tokens.ts'

/** A browser stays signed in for this long after its last request. */
const SESSION_MS = 12 * 60 * 60_000
/** Limit of signed-in browsers; beyond it the one that was idle longest is signed out. */
const MOST_SESSIONS = 200
const WINDOW_MS = 60_000
/** Failed attempts to sign in per minute, from one address and in all. */
const MOST_FAILED = 10
const MOST_FAILED_IN_ALL = 100
/** A link signs in for this long, once. */
const LINK_MS = 10 * 60_000

/** A signed-in person or program. */
export interface Access {
  /** Name of the token, of the user of a proxy, or of the agent's user, who has opened a link. */
  name: string
  role: WebRole
  by: 'token' | 'proxy'
}

interface Session {
  /** Id of the token; null: a link has signed in. */
  token: string | null
  usedAt: number
}

type UsedSettings = Pick<Settings, 'webTokens'> & { web: Pick<Settings['web'], 'link'> }

/**
 * Signed-in browsers, in memory: each has a random id in a cookie and ends with its token. Counts failed attempts.
 * Links are in memory alone, too: a browser of this computer signs in by the last one, once.
 *
 * @param settings returns the current settings.
 * @param id of the agent: a cookie belongs to a host name, whatever the port (RFC 6265, 8.5), and several agents may be
 * reached as localhost through SSH tunnels.
 * @param now in milliseconds; steady.
 */
export class Sessions {
  /** Name of the cookie. */
  readonly cookie: string
  readonly #settings: () => UsedSettings
  readonly #now: () => number
  /** By id, the longest idle one first. */
  readonly #sessions = new Map<string, Session>()
  /** Failed attempts of the current minute, by address. */
  readonly #failed = new Map<string, number>()
  #failedInAll = 0
  #minuteFrom = 0
  /** The last link that was not used. */
  #link: { digest: string; usableUntil: number } | null = null
  /** When a link was created, or a browser that a link has signed in sent a request. */
  #linkedAt = Number.NEGATIVE_INFINITY

  constructor(settings: () => UsedSettings, id: string, now: () => number = () => performance.now()) {
    this.#settings = settings
    this.cookie = `holdfast-${id}`
    this.#now = now
  }

  /** Creates the secret of a link, which replaces the last one. @returns also the milliseconds for which it signs in. */
  createLink(): { secret: string; lastsMs: number } {
    const secret = `${LINK_PREFIX}${randomBytes(32).toString('base64url')}`
    this.#linkedAt = this.#now()
    this.#link = { digest: digestOf(secret), usableUntil: this.#linkedAt + LINK_MS }
    return { secret, lastsMs: LINK_MS }
  }

  /**
   * Starts a session by a token or the secret of a link. Returns its id; null if there is none, or 'limited' after too
   * many failed attempts.
   * @param isForwarded a proxy has passed the request on: it may come from another computer, and a link is refused.
   */
  signIn(
    secret: string,
    address: string,
    isForwarded = false,
  ): { id: string; access: Access } | null | 'limited' {
    if (isLoopback(address) && !isForwarded && this.#takeLink(secret))
      return { id: this.#start(null), access: linkAccess() }
    const token = this.#findToken(secret, address)
    if (token === null || token === 'limited') return token
    return { id: this.#start(token.id), access: toAccess(token) }
  }

  /** Returns the access of a token; null if there is none, or 'limited' after too many failed attempts. */
  authenticate(token: string, address: string): Access | null | 'limited' {
    const found = this.#findToken(token, address)
    return found === null || found === 'limited' ? found : toAccess(found)
  }

  /** True once for the secret of the last link, in time. */
  #takeLink(secret: string): boolean {
    const link = this.#link
    if (link === null || this.#now() > link.usableUntil || !this.#settings().web.link) return false
    if (!timingSafeEqual(Buffer.from(digestOf(secret)), Buffer.from(link.digest))) return false
    this.#link = null
    return true
  }

  #findToken(token: string, address: string): WebToken | null | 'limited' {
    const found = findToken(this.#settings().webTokens, token)
    if (found !== null) return found
    if (this.#now() - this.#minuteFrom > WINDOW_MS) {
      this.#failed.clear()
      this.#failedInAll = 0
      this.#minuteFrom = this.#now()
    }
    const failed = this.#failed.get(address) ?? 0
    if (failed >= MOST_FAILED || this.#failedInAll >= MOST_FAILED_IN_ALL) return 'limited'
    this.#failed.set(address, failed + 1)
    this.#failedInAll += 1
    return null
  }

  #start(token: string | null): string {
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size >= MOST_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest)
    const id = randomBytes(32).toString('base64url')
    this.#sessions.set(id, { token, usedAt: this.#now() })
    return id
  }

  /** Returns the access of a session; null if it has ended, its token was removed, or links were switched off. */
  find(id: string): Access | null {
    const session = this.#sessions.get(id)
    if (session === undefined) return null
    const access = this.#findAccess(session)
    this.#sessions.delete(id)
    if (access === null || this.#now() - session.usedAt > SESSION_MS) return null
    this.#sessions.set(id, { ...session, usedAt: this.#now() })
    if (session.token === null) this.#linkedAt = this.#now()
    return access
  }

  #findAccess({ token: id }: Session): Access | null {
    const { web, webTokens } = this.#settings()
    if (id === null) return web.link ? linkAccess() : null
    const token = webTokens.find((one) => one.id === id)
    return token === undefined ? null : toAccess(token)
  }

  end(id: string): void {
    this.#sessions.delete(id)
  }

  endAll(): void {
    this.#link = null
    this.#sessions.clear()
  }

  /** Ends the link and the sessions that began with one. */
  endLinks(): void {
    this.#link = null
    for (const [id, { token }] of this.#sessions) if (token === null) this.#sessions.delete(id)
  }

  /** True while a link, or a browser that one has signed in, may still come. */
  get hasLinks(): boolean {
    return this.#now() - this.#linkedAt <= SESSION_MS
  }
}

/** True for an address that only programs of this computer listen at, or connect from. */
export const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')

const toAccess = ({ name, role }: WebToken): Access => ({ name, role, by: 'token' })

/** A link gives the rights of the agent's user, whose terminal shows it. */
const linkAccess = (): Access => ({ name: getUserName(), role: 'operator', by: 'token' })
