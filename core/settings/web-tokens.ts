import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { UserError } from '../lib/i18n/user-error.ts'
import type { Settings, WebToken } from './schema.ts'

// Tokens of the web page: created here, shown once, stored as digests. Pure, except for random bytes.

const TOKEN_BYTES = 32

/** Returns the settings with a new token, and its text, for example "hf_2Jx…" (46 characters). */
export function createToken(
  settings: Settings,
  { name, role }: Pick<WebToken, 'name' | 'role'>,
  now: number,
): { settings: Settings; token: string } {
  if (settings.webTokens.some((one) => one.name === name)) throw new UserError('web.tokenExists', { name })
  const token = `hf_${randomBytes(TOKEN_BYTES).toString('base64url')}`
  const entry = { id: randomUUID(), name, role, digest: digestOf(token), createdAt: now }
  return { settings: { ...settings, webTokens: [...settings.webTokens, entry] }, token }
}

/** @param id or name of the token. @throws UserError web.noToken */
export function withoutToken(settings: Settings, id: string): Settings {
  const known = settings.webTokens.find((one) => one.id === id || one.name === id)
  if (known === undefined) throw new UserError('web.noToken', { id })
  return { ...settings, webTokens: settings.webTokens.filter((one) => one !== known) }
}

/** Returns the entry of a token; null if there is none. */
export function findToken(tokens: readonly WebToken[], token: string): WebToken | null {
  const digest = Buffer.from(digestOf(token))
  return tokens.find((one) => timingSafeEqual(Buffer.from(one.digest), digest)) ?? null
}

/** A fast digest suffices: 256 random bits cannot be guessed. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
