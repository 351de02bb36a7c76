import { strerror } from '../probes/errno.ts'

/** A line to the parent: verb, path, errno (0: success), and a text or a delay. */
export interface StdioEvent {
  verb: string
  path: string
  errno: number
  text: string
}

// Linux's numbers on every system: they are part of the protocol.
export const ENOENT = 2
export const EAGAIN = 11
export const EEXIST_MONITORING = 17
export const EINVAL = 22
export const EISDIR = 21
export const ETIMEDOUT = 110
export const EINPROGRESS = 115

export function reply(verb: string, path: string, errno: number, text: string): StdioEvent {
  return { verb, path, errno, text }
}

/** Event of a successful check: its delay in seconds with six decimals. */
export function wellEvent(path: string, delayMs: number): StdioEvent {
  return { verb: 'check', path, errno: 0, text: (delayMs / 1000).toFixed(6) }
}

/** Event of a failed check, with strerror's text; a directory is reported as an invalid argument. */
export function failedEvent(path: string, errno: number): StdioEvent {
  const number = errno === EISDIR ? EINVAL : errno
  return { verb: 'check', path, errno: number, text: strerror(number) }
}

export function timedOutEvent(path: string): StdioEvent {
  return { verb: 'check', path, errno: ETIMEDOUT, text: 'Connection timed out' }
}

/** Formats the event's line, including its end, with one character for each byte. */
export function formatEvent({ verb, path, errno, text }: StdioEvent, options: { quoted: boolean }): string {
  return `${verb} ${options.quoted ? quote(path) : path} ${errno} ${text}\n`
}

/**
 * The option --quoted: a word in double quotes may contain spaces, and these escapes: \" \\ \n \r \t, and \xHH for any
 * byte. Events quote paths in the same way if necessary.
 */
const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' }

const WORD = /"((?:[^"\\]|\\(?:["\\nrt]|x[0-9a-fA-F]{2}))*)"( |$)|([^" ][^ ]*|)( |$)/y

/** Splits a line into words; null if a quote is not closed or an escape is unknown. */
export function splitQuoted(line: string): string[] | null {
  const words: string[] = []
  WORD.lastIndex = 0
  for (;;) {
    const found = WORD.exec(line)
    if (found === null) return null
    const [, quoted, afterQuoted, plain, afterPlain] = found
    words.push(quoted === undefined ? (plain ?? '') : withoutEscapes(quoted))
    if ((afterQuoted ?? afterPlain) !== ' ') return words
  }
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  )
}

/** Formats a path for --quoted events. */
export function quote(path: string): string {
  // All but quotation marks, backslashes and control characters; a space must be quoted, but not escaped.
  if (path !== '' && !/[^!#-[\]-~\x80-\u{10ffff}]/u.test(path)) return path
  const escaped = path.replace(
    /[^ !#-[\]-~\x80-\u{10ffff}]/gu,
    (character) => NAMED[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `"${escaped}"`
}

const NAMED: Record<string, string> = Object.fromEntries(
  Object.entries(ESCAPES).map(([name, character]) => [character, `\\${name}`]),
)
