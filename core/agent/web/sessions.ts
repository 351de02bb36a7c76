import { randomBytes } from 'node:crypto'
import type { WebRole, WebToken } from '../../settings/schema.ts'
import { findToken } from '../../settings/web-tokens.ts'

/** A browser stays signed in for this long after its last request. */
const SESSION_MS = 12 * 60 * 60_000
/** Limit of signed-in browsers; beyond it the one that was idle longest is signed out. */
const MOST_SESSIONS = 200
const WINDOW_MS = 60_000
/** Failed attempts to sign in per minute, from one address and in all. */
const MOST_FAILED = 10
const MOST_FAILED_IN_ALL = 100

/** A signed-in person or program. */
export interface Access {
  /** Name of the token, or of the user of a proxy. */
  name: string
  role: WebRole
  by: 'token' | 'proxy'
}

interface Session {
  token: string
  usedAt: number
}

/**
 * Signed-in browsers, in memory: each has a random id in a cookie and ends with its token. Counts failed attempts.
 *
 * @param tokens returns the current tokens of the settings.
 * @param id of the agent: a cookie belongs to a host name, whatever the port (RFC 6265, 8.5), and several agents may be
 * reached as localhost through SSH tunnels.
 * @param now in milliseconds; steady.
 */
export class Sessions {
  /** Name of the cookie. */
  readonly cookie: string
  readonly #tokens: () => readonly WebToken[]
  readonly #now: () => number
  /** By id, the longest idle one first. */
  readonly #sessions = new Map<string, Session>()
  /** Failed attempts of the current minute, by address. */
  readonly #failed = new Map<string, number>()
  #failedInAll = 0
  #minuteFrom = 0

  constructor(tokens: () => readonly WebToken[], id: string, now: () => number = () => performance.now()) {
    this.#tokens = tokens
    this.cookie = `holdfast-${id}`
    this.#now = now
  }

  /** Returns the token's entry; null if there is none, or 'limited' after too many failed attempts. */
  authenticate(token: string, address: string): WebToken | null | 'limited' {
    const found = findToken(this.#tokens(), token)
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

  /** Starts a session and returns its id. */
  start(token: WebToken): string {
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size >= MOST_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest)
    const id = randomBytes(32).toString('base64url')
    this.#sessions.set(id, { token: token.id, usedAt: this.#now() })
    return id
  }

  /** Returns the token of a session; null if it has ended or its token was removed. */
  find(id: string): WebToken | null {
    const session = this.#sessions.get(id)
    if (session === undefined) return null
    const token = this.#tokens().find((one) => one.id === session.token)
    this.#sessions.delete(id)
    if (token === undefined || this.#now() - session.usedAt > SESSION_MS) return null
    this.#sessions.set(id, { ...session, usedAt: this.#now() })
    return token
  }

  end(id: string): void {
    this.#sessions.delete(id)
  }
}
