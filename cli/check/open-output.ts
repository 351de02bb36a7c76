import fs from 'node:fs'
import net from 'node:net'
import type { Writable } from 'node:stream'
import tty from 'node:tty'

/**
 * Opens a standard output that never blocks this process. Node's own process.stdout and process.stderr write to files
 * synchronously (to pipes too, as far as Node promises): a log on a hanging disk would hang the process that is meant
 * to detect it.
 */
export function openOutput(descriptor: 1 | 2): Writable {
  const stats = fs.fstatSync(descriptor)
  if (stats.isFIFO() || stats.isSocket()) {
    return new net.Socket({ fd: descriptor, readable: false, writable: true })
  }
  if (tty.isatty(descriptor)) return new tty.WriteStream(descriptor)
  return fs.createWriteStream('', { fd: descriptor, autoClose: false })
}
