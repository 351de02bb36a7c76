import { randomBytes } from 'node:crypto'

/** Placeholder of the nonce in the built page; the build inserts it (electron.vite.config.ts). */
export const NONCE_PLACE = 'HOLDFAST-NONCE'

/** Returns the content security policy: own files only, nothing inline except styles with the nonce. */
function buildPolicy(nonce: string): string {
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

/** Returns the page with a fresh nonce, and the policy that allows it. */
export function pageWithPolicy(html: string): { body: string; policy: string } {
  const nonce = randomBytes(16).toString('base64url')
  return { body: html.replaceAll(NONCE_PLACE, nonce), policy: buildPolicy(nonce) }
}
