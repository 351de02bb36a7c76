import { EINVAL, reply, type StdioEvent, splitQuoted } from './event.ts'

export type Command =
  | { verb: 'start'; path: string; intervalMs: number }
  | { verb: 'stop'; path: string }
  /** It cannot be carried out, for the reason in the reply. */
  | { verb: 'refused'; reply: StdioEvent }

const SHORTEST_INTERVAL_S = 1
const LONGEST_INTERVAL_S = 3600

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

/** Longest line in bytes without its end; a longer one is dropped, and reported as too long. */
export const LONGEST_LINE = 65_536

export type Line = { kind: 'line'; text: string } | { kind: 'too long' }

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
