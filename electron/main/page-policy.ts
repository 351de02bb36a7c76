import { randomBytes } from 'node:crypto'

/** Where the built page has the word of this answer's own; the build writes it (electron.vite.config.ts). */
export const NONCE_PLACE = 'HOLDFAST-NONCE'

/** What the page may load and do: its own files and nothing inline, except styles that carry the nonce. */
function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** A page as it is answered: with a nonce that no other answer has, and the policy that knows it. */
export function pageWithPolicy(html: string): { body: string; policy: string } {
  const nonce = randomBytes(16).toString('base64url')
  return { body: html.replaceAll(NONCE_PLACE, nonce), policy: policyOf(nonce) }
}
