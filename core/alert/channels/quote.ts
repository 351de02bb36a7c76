import { hide } from './hide.ts'
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
