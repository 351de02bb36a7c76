import type { Writable } from 'node:stream'

/** Unread log messages beyond this many bytes are dropped and counted: nobody has to read the log. */
const MOST_UNREAD = 64 * 1024

export type StdioLevel = 'INFO' | 'WARNING' | 'ERROR'
export type StdioLog = (level: StdioLevel, message: string) => void

/** Log lines "LEVEL message" for a parent that may never read them. */
export function createLogOutput(stream: Writable): StdioLog {
  let dropped = 0
  stream.on('error', () => undefined)
  return (level, message) => {
    if (stream.writableLength > MOST_UNREAD) {
      dropped += 1
      return
    }
    if (dropped > 0)
      stream.write(`WARNING ${dropped} log messages were dropped, because they were not read\n`)
    dropped = 0
    // One message is one line, whatever is in the path that it names.
    stream.write(`${level} ${message.replace(/[\r\n]/g, ' ')}\n`)
  }
}
