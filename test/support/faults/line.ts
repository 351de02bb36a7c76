import { once } from 'node:events'
import net from 'node:net'
import koffi from 'koffi'

// A long line, emulated between two ports of this computer: a kernel in a test seldom has netem. Each connection has a
// congestion window, as TCP has: so many bytes are on their way per round trip, fewer after a loss.

/** Bytes of a packet. */
const PACKET_BYTES = 1448
const FIRST_WINDOW_BYTES = 10 * PACKET_BYTES
const LEAST_WINDOW_BYTES = 2 * PACKET_BYTES
/** The relay's own receive buffer: without this limit it would take in several windows of a connection. */
const RECEIVE_BUFFER_BYTES = 64 * 1024
const SOL_SOCKET = 1
const SO_RCVBUF = 8

export interface LineOptions {
  /** Time that a byte takes, in each direction. */
  delayMs: number
  /** Most bytes of a connection that are on their way in one direction, as its send buffer limits them. */
  windowBytes?: number
  /** Part of the packets from the near end that are lost, and sent again a round trip later. */
  loss?: number
  random?: () => number
}

export interface Line {
  readonly port: number
  /** Connections that were made, and those that are open now. */
  connections(): { made: number; open: number }
  /** Bytes that have arrived at the far end, of all connections. */
  arrivedBytes(): number
  /** Most bytes that were on their way to the far end at a time, of all connections. */
  mostOnItsWay(): number
  /** Bytes that have come back from the far end, of all connections. */
  returnedBytes(): number
  /** Resets one connection that is open now: the newest, the oldest, or each. */
  reset(which: 'newest' | 'oldest' | 'all'): void
  close(): void
}

/** Starts a line to a port of this computer. */
export async function startLine(port: number, options: LineOptions): Promise<Line> {
  const pairs = new Set<[net.Socket, net.Socket]>()
  const counts = { made: 0, arrived: 0, returned: 0, onItsWay: 0, mostOnItsWay: 0 }
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const pair: [net.Socket, net.Socket] = [near, far]
    pairs.add(pair)
    counts.made += 1
    const arrived = (bytes: number) => {
      counts.arrived += bytes
    }
    const onItsWay = (bytes: number) => {
      counts.onItsWay += bytes
      counts.mostOnItsWay = Math.max(counts.mostOnItsWay, counts.onItsWay)
    }
    carry(near, far, options, arrived, onItsWay)
    carry(far, near, { ...options, loss: 0 }, (bytes) => {
      counts.returned += bytes
    })
    for (const [one, other] of [pair, pair.toReversed()] as [net.Socket, net.Socket][]) {
      one.on('error', () => undefined)
      one.on('close', (hadError) => {
        pairs.delete(pair)
        if (hadError) other.resetAndDestroy()
        // Bytes under way still arrive.
        else setTimeout(() => other.destroy(), 4 * options.delayMs)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  limitReceiveBuffer(server)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => ({ made: counts.made, open: pairs.size }),
    arrivedBytes: () => counts.arrived,
    mostOnItsWay: () => counts.mostOnItsWay,
    returnedBytes: () => counts.returned,
    reset(which) {
      const open = [...pairs]
      const chosen = which === 'all' ? open : which === 'newest' ? open.slice(-1) : open.slice(0, 1)
      for (const pair of chosen) for (const socket of pair) socket.resetAndDestroy()
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy()
      server.close()
    },
  }
}

/** Limits the receive buffers of the connections that a server accepts. */
function limitReceiveBuffer(server: net.Server): void {
  const handle: unknown = Reflect.get(server, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : -1
  const setsockopt = koffi
    .load('libc.so.6')
    .func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)')
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, [RECEIVE_BUFFER_BYTES], 4) !== 0)
    throw new Error('the receive buffer of the line cannot be limited')
}

/** Carries bytes in one direction of a connection. */
function carry(
  from: net.Socket,
  to: net.Socket,
  { delayMs, windowBytes = Number.POSITIVE_INFINITY, loss = 0, random = Math.random }: LineOptions,
  onArrived: (bytes: number) => void,
  onChange: (bytes: number) => void = () => undefined,
): void {
  let window = Number.isFinite(windowBytes) || loss > 0 ? FIRST_WINDOW_BYTES : Number.POSITIVE_INFINITY
  let threshold = Number.POSITIVE_INFINITY
  let onItsWay = 0
  let arrivesAt = 0
  let recoversAt = 0
  let isEnded = false
  let pieces = 0

  /** The window grows with each acknowledgement, slowly after the first loss. */
  const acknowledge = (bytes: number) => {
    onItsWay -= bytes
    onChange(-bytes)
    window += window < threshold ? bytes : (PACKET_BYTES * bytes) / window
    window = Math.min(window, windowBytes)
    pump()
  }

  const lose = (now: number) => {
    if (now < recoversAt) return
    recoversAt = now + 2 * delayMs
    window = Math.max(LEAST_WINDOW_BYTES, window / 2)
    threshold = window
  }

  const send = (piece: Buffer) => {
    const now = performance.now()
    const isLost = loss > 0 && random() > (1 - loss) ** Math.ceil(piece.length / PACKET_BYTES)
    if (isLost) lose(now)
    onItsWay += piece.length
    pieces += 1
    onChange(piece.length)
    // TCP hands over in order: a packet that is sent again holds up those behind it.
    arrivesAt = Math.max(arrivesAt, now + delayMs * (isLost ? 3 : 1))
    setTimeout(() => {
      if (to.destroyed) return
      onArrived(piece.length)
      // The far end acknowledges what it has room for.
      to.write(piece, () => setTimeout(acknowledge, delayMs, piece.length))
      pieces -= 1
      endAfterLast()
    }, arrivesAt - now)
  }

  const pump = () => {
    for (;;) {
      const room = Math.floor(window - onItsWay)
      if (room < Math.min(PACKET_BYTES, window)) return
      const bytes = Math.min(from.readableLength, Number.isFinite(room) ? room : from.readableLength)
      // Node.js emits 'end' after a read of an empty buffer alone, if the end came while bytes waited for room.
      const piece: Buffer | null = from.read(bytes)
      if (piece === null) break
      send(piece)
    }
    if (isEnded && pieces === 0) setTimeout(endAfterLast, delayMs)
  }

  /** The end must not overtake the bytes before it. */
  const endAfterLast = () => {
    if (isEnded && pieces === 0 && from.readableLength === 0) to.end()
  }

  from.on('readable', pump)
  from.on('end', () => {
    isEnded = true
    pump()
  })
}
