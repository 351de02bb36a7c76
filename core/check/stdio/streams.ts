import fs from 'node:fs'
import net from 'node:net'
import type { Writable } from 'node:stream'
import tty from 'node:tty'

/**
 * A standard output that never blocks. Node's own process.stdout and process.stderr write to pipes synchronously,
 * so a parent that does not read would stop the whole process; a socket on the same descriptor does not.
 */
export function openOutput(descriptor: 1 | 2): Writable {
  const stats = fs.fstatSync(descriptor)
  if (stats.isFIFO() || stats.isSocket()) {
    return new net.Socket({ fd: descriptor, readable: false, writable: true })
  }
  if (tty.isatty(descriptor)) return new tty.WriteStream(descriptor)
  return fs.createWriteStream('', { fd: descriptor, autoClose: false })
}
