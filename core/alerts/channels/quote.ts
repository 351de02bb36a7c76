import { shorten } from './shorten.ts'

const MOST_QUOTED = 200
/** More is not looked at: its end may be half a secret, where reading had to stop. */
const MOST_LOOKED_AT = 2_000

/** What somebody else said, as a sentence may have it: short, on one line, and without a secret. */
export function quote(text: string, secrets: Readonly<Record<string, string>>): string {
  const said = hide(text, secrets).slice(0, MOST_LOOKED_AT)
  // Control characters are no words, and could do things to a terminal.
  return shorten(said.replace(/[\s\p{Cc}]+/gu, ' ').trim(), MOST_QUOTED)
}

/** What stands in the place of a secret. */
const HIDDEN = '•••'
/** A part of an address that is shorter says nothing, and stands in every second sentence. */
const SHORTEST_PART = 6

/** A text in which no secret occurs, in none of the forms in which it was sent or could come back. */
function hide(text: string, secrets: Readonly<Record<string, string>>): string {
  const forms = [...new Set(Object.values(secrets).flatMap(formsOf))].sort((a, b) => b.length - a.length)
  if (forms.length === 0) return text
  return text.replace(new RegExp(forms.map(literal).join('|'), 'gi'), HIDDEN)
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}

function formsOf(secret: string): string[] {
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

/** An address is its host and what nobody may know: an answer often names that alone. */
function addressParts(secret: string): string[] {
  if (!URL.canParse(secret)) return []
  const { href, pathname, search, username, password, searchParams } = new URL(secret)
  const steps = pathname.split('/')
  return [href, pathname + search, pathname, search, username, password, ...steps, ...searchParams.values()]
}
