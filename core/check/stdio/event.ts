import { strerror } from '../probes/errno.ts'
import { quote } from './quoting.ts'

/** One line to the parent: verb, path, errno (0: well), and a text or a delay. */
export interface StdioEvent {
  verb: string
  path: string
  errno: number
  text: string
}

// Linux's numbers, whatever the system: they are part of the protocol.
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

/** A check that is well: its delay in seconds with six decimals. */
export function wellEvent(path: string, delayMs: number): StdioEvent {
  return { verb: 'check', path, errno: 0, text: (delayMs / 1000).toFixed(6) }
}

/** A check that failed, in strerror's words; a directory counts as an invalid argument here. */
export function failedEvent(path: string, errno: number): StdioEvent {
  const number = errno === EISDIR ? EINVAL : errno
  return { verb: 'check', path, errno: number, text: strerror(number) }
}

export function timedOutEvent(path: string): StdioEvent {
  return { verb: 'check', path, errno: ETIMEDOUT, text: 'Connection timed out' }
}

/** The event's line, with its end; one character a byte. */
export function formatEvent({ verb, path, errno, text }: StdioEvent, options: { quoted: boolean }): string {
  return `${verb} ${options.quoted ? quote(path) : path} ${errno} ${text}\n`
}
