import { strerror } from '../probes/findings.ts'

// The lines of the path check protocol: bytes to lines, lines to commands, events to lines, and quoted paths.

const SHORTEST_INTERVAL_S = 1
const LONGEST_INTERVAL_S = 3600
/** Longest line in bytes without its end; a longer one is dropped, and reported as too long. */
export const LONGEST_LINE = 65_536

// Linux's numbers on every system: they are part of the protocol.
export const ENOENT = 2
export const EAGAIN = 11
export const EEXIST_MONITORING = 17
export const EINVAL = 22
export const EISDIR = 21
export const ETIMEDOUT = 110
export const EINPROGRESS = 115

/**
 * The option --quoted: a word in double quotes may contain spaces, and these escapes: \" \\ \n \r \t, and \xHH for any
 * byte. Events quote paths in the same way if necessary.
 */
const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' }

const NAMED: Record<string, string> = Object.fromEntries(
  Object.entries(ESCAPES).map(([name, character]) => [character, `\\${name}`]),
)

const WORD = /"((?:[^"\\]|\\(?:["\\nrt]|x[0-9a-fA-F]{2}))*)"( |$)|([^" ][^ ]*|)( |$)/y

export type Command =
  | { verb: 'start'; path: string; intervalMs: number }
  | { verb: 'stop'; path: string }
  /** It cannot be carried out, for the reason in the reply. */
  | { verb: 'refused'; reply: StdioEvent }

export type Line = { kind: 'line'; text: string } | { kind: 'too long' }

/** A line to the parent: verb, path, errno (0: success), and a text or a delay. */
export interface StdioEvent {
  verb: string
  path: string
  errno: number
  text: string
}

/**
 * Splits bytes into lines that end in LF or CRLF. Text has one character for each byte (latin1), as a path need not be
 * valid UTF-8 to be checked.
 */
export function createLineSplitter() {
  let rest = ''
  let isTooLong = false

  const finish = (): Line => {
    const text = rest.endsWith('\r') ? rest.slice(0, -1) : rest
    const line: Line = isTooLong || text.length > LONGEST_LINE ? { kind: 'too long' } : { kind: 'line', text }
    rest = ''
    isTooLong = false
    return line
  }
  const add = (part: string) => {
    if (!isTooLong) rest += part
    // Allow a further byte, which may be the CR of a CRLF.
    if (rest.length > LONGEST_LINE + 1) {
      isTooLong = true
      rest = ''
    }
  }
  return {
    push: (chunk: Buffer) => {
      const parts = chunk.toString('latin1').split('\n')
      const last = parts.pop() ?? ''
      const lines = parts.map((part) => {
        add(part)
        return finish()
      })
      add(last)
      return lines
    },
    /** Ends the last line at the end of input. */
    end: () => (rest === '' && !isTooLong ? [] : [finish()]),
  }
}

/** Parses one line. Words are separated by one space; with `quoted` a word may be in double quotes. */
export function parseCommand(line: string, options: { quoted: boolean }): Command {
  if (line === '' || line.startsWith(' ')) return refused('-', '-', 'command is required')
  const words = options.quoted ? splitQuoted(line) : line.split(' ')
  if (words === null) return refused('-', '-', 'invalid quoting')
  const [verb = '', path = '', ...rest] = words
  if (verb !== 'start' && verb !== 'stop') return refused(verb, '-', 'unknown command')
  if (path === '') return refused(verb, '-', 'path is required')
  if (path.includes('\0')) return refused(verb, '-', 'invalid path')
  return verb === 'start' ? parseStart(path, rest) : parseStop(path, rest)
}

function parseStart(path: string, [interval = '', ...extra]: string[]): Command {
  if (interval === '') return refused('start', path, 'interval is required')
  if (hasWord(extra)) return refused('start', path, 'unexpected argument')
  if (!/^[+-]?\d+$/.test(interval)) return refused('start', path, 'invalid interval')
  const seconds = Number(interval)
  if (seconds < SHORTEST_INTERVAL_S || seconds > LONGEST_INTERVAL_S) {
    return refused('start', path, 'interval out of range')
  }
  return { verb: 'start', path, intervalMs: seconds * 1000 }
}

function parseStop(path: string, extra: string[]): Command {
  return hasWord(extra) ? refused('stop', path, 'unexpected argument') : { verb: 'stop', path }
}

/** True if there is a word. Spaces at the end of a line make empty words, which do not count. */
function hasWord(words: string[]): boolean {
  return words.some((word) => word !== '')
}

function refused(verb: string, path: string, text: string): Command {
  return { verb: 'refused', reply: reply(verb, path, EINVAL, text) }
}

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
