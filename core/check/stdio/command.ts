import { EINVAL, reply, type StdioEvent } from './event.ts'
import { splitQuoted } from './quoting.ts'

export type Command =
  | { verb: 'start'; path: string; intervalMs: number }
  | { verb: 'stop'; path: string }
  /** It cannot be carried out; the reply says why. */
  | { verb: 'refused'; reply: StdioEvent }

const SHORTEST_INTERVAL_S = 1
const LONGEST_INTERVAL_S = 3600

/** Reads one line. Words are separated by one space; with `quoted` a word may stand in double quotes. */
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

/** Spaces at the end of a line make empty words, which are none. */
function hasWord(words: string[]): boolean {
  return words.some((word) => word !== '')
}

function refused(verb: string, path: string, text: string): Command {
  return { verb: 'refused', reply: reply(verb, path, EINVAL, text) }
}
