import { shorten } from './shorten.ts'

const MOST_QUOTED = 200
/** Text beyond this is ignored: it may end with half a secret, where reading stopped. */
const MOST_LOOKED_AT = 2_000

/** Shortens a foreign text for a sentence: on one line, and without secrets. */
export function quote(text: string, secrets: Readonly<Record<string, string>>): string {
  const said = hide(text, secrets).slice(0, MOST_LOOKED_AT)
  // Control characters are not text, and could affect a terminal.
  return shorten(said.replace(/[\s\p{Cc}]+/gu, ' ').trim(), MOST_QUOTED)
}

/** Replaces a secret. */
const HIDDEN = '•••'
/** Shorter parts of an address reveal little and occur in many sentences. */
const SHORTEST_PART = 6

/** Removes secrets from a text, in every form in which they were sent or could be returned. */
function hide(text: string, secrets: Readonly<Record<string, string>>): string {
  const forms = [...new Set(Object.values(secrets).flatMap(getForms))].sort((a, b) => b.length - a.length)
  if (forms.length === 0) return text
  return text.replace(new RegExp(forms.map(literal).join('|'), 'gi'), HIDDEN)
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}

function getForms(secret: string): string[] {
  if (secret.trim() === '') return []
  const whole = [secret, secret.trim()]
  const parts = [
    ...addressParts(secret.trim()),
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]
  return [...whole, ...parts.filter((part) => part.length >= SHORTEST_PART)]
}

/** Returns the parts of a secret address, because responses often contain only its secret part. */
function addressParts(secret: string): string[] {
  if (!URL.canParse(secret)) return []
  const { href, pathname, search, username, password, searchParams } = new URL(secret)
  const steps = pathname.split('/')
  return [href, pathname + search, pathname, search, username, password, ...steps, ...searchParams.values()]
}
