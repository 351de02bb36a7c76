import net from 'node:net'
import { Transform, type TransformCallback } from 'node:stream'

/** Bytes that may be on the line in each direction: enough for any rate that is measured. */
const LINE_BYTES = 64 * 1024 * 1024

/** Gives each piece on after this long, in order, as a long line does. */
function delayed(ms: number): Transform {
  return new Transform({
    readableHighWaterMark: LINE_BYTES,
    transform(piece: Buffer, _encoding, done: TransformCallback) {
      setTimeout(() => this.push(piece), ms)
      done()
    },
    flush: (done) => void setTimeout(done, ms),
  })
}

export interface Line {
  readonly port: number
  close(): void
}

/** A relay to a port of this computer that takes `ms` milliseconds each way. */
export function startLine(port: number, ms: number): Promise<Line> {
  const open = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, (near) => {
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true })
    near.pipe(delayed(ms)).pipe(far)
    far.pipe(delayed(ms)).pipe(near)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        close() {
          for (const socket of open) socket.destroy()
          server.close()
        },
      })
    })
  })
}
