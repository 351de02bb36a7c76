import net from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * What a relay does to a connection. `close`: both ends are closed in order; `reset`: both get a reset; `flip`: one bit
 * of the next byte is turned over; `delay`: nothing is forwarded for 200 ms; `stall`: nothing is forwarded ever again,
 * though all stays open, as when a cable is pulled; `hold`: nothing more is forwarded or read until `releaseHold`; `none`: only
 * whoever waits is told.
 */
export type RelayFault = 'close' | 'reset' | 'flip' | 'delay' | 'stall' | 'hold' | 'none'

/** `sent`: what the sender puts on the line. */
export type Direction = 'sent' | 'received'

/** A relay before a receiver that counts what is on the line, TLS and all, and breaks it when it is told to. */
export interface Relay {
  readonly port: number
  /** Bytes from senders to the receiver since the relay began. */
  sentBytes(): number
  /** And from it. */
  receivedBytes(): number
  /** Connections that were made, and those that are open now. */
  connections(): { made: number; open: number }
  /**
   * Does this to the connection that carries the byte after the next `bytes` in this direction; resolves when it is
   * done. One at a time: a later call, or `disarm`, takes the place of the one before.
   */
  arm(fault: RelayFault, direction: Direction, bytes: number): Promise<void>
  disarm(): void
  /** Turns since the relay began: requests and answers, see `holdTurn`. */
  turns(): number
  /**
   * Forwards nothing from the `count`-th turn on, until `release`: a turn begins when the direction of a connection
   * changes, with a request or an answer. Resolves when nothing is forwarded any more.
   */
  holdTurn(count: number): Promise<void>
  /** Forwards what was held, as far as its connection is there, and the rest as usual. */
  release(): void
  /** Does this to every connection that is open now. */
  strike(fault: 'reset' | 'stall'): void
  /** Forwards nothing after that byte, and reads nothing more, not even the end, until `releaseHold`; only once. */
  holdAfter(bytes: number): void
  letGo(): void
}

const DELAY_MS = 200

interface Pair {
  near: net.Socket
  far: net.Socket
  stalled: boolean
  /** Direction of the bytes that came last. */
  turn: Direction | null
  /** What follows the byte at which a sender's bytes are held. */
  held: Buffer | null
}

/**
 * @param port the receiver's, on this computer.
 * @param chance asked before each piece of at most 64 KiB is forwarded: what to do to its connection.
 */
export async function startRelay(port: number, chance: () => RelayFault = () => 'none'): Promise<Relay> {
  const pairs = new Set<Pair>()
  const totals = { sent: 0, received: 0, made: 0, turns: 0 }
  let armed: { fault: RelayFault; direction: Direction; left: number; struck: () => void } | null = null

  let turns = { left: 0, reached: (): void => undefined }
  /** Bytes and ends that are held since a turn. */
  let queue: (() => void)[] | null = null

  const end = (pair: Pair, how: 'close' | 'reset') => {
    pair.stalled = true
    for (const socket of [pair.near, pair.far]) how === 'reset' ? socket.resetAndDestroy() : socket.destroy()
  }

  /** Forwards bytes, and reads on when the other side has taken them. */
  const pass = (pair: Pair, direction: Direction, bytes: Buffer, taken?: () => void) => {
    const [from, to] = direction === 'sent' ? [pair.near, pair.far] : [pair.far, pair.near]
    if (to.destroyed || to.write(bytes, taken)) return
    from.pause()
    to.once('drain', () => pair.stalled || (pair.held !== null && from === pair.near) || from.resume())
  }

  const breakAt = (pair: Pair, direction: Direction, bytes: Buffer, at: number, fault: RelayFault) => {
    const before = bytes.subarray(0, at)
    const rest = bytes.subarray(at)
    switch (fault) {
      case 'close':
      case 'reset':
        pair.stalled = true
        pass(pair, direction, before, () => end(pair, fault))
        // A connection that takes nothing more has to end all the same.
        setTimeout(() => end(pair, fault), DELAY_MS).unref()
        return
      case 'flip': {
        const turned = Buffer.from(bytes)
        turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8))
        return pass(pair, direction, turned)
      }
      case 'delay': {
        const from = direction === 'sent' ? pair.near : pair.far
        pass(pair, direction, before)
        from.pause()
        setTimeout(() => {
          pass(pair, direction, rest)
          from.resume()
        }, DELAY_MS).unref()
        return
      }
      case 'stall':
        pair.stalled = true
        return pass(pair, direction, before)
      case 'hold':
        pass(pair, direction, before)
        pair.held = rest
        pair.near.pause()
        return
      case 'none':
        return pass(pair, direction, bytes)
      default:
        fault satisfies never
    }
  }

  const forward = (pair: Pair, direction: Direction, bytes: Buffer) => {
    if (pair.turn !== direction) {
      pair.turn = direction
      totals.turns += 1
      turns.left -= 1
      if (turns.left === 0) {
        queue = []
        turns.reached()
      }
    }
    if (queue !== null) return void queue.push(() => forward(pair, direction, bytes))
    totals[direction] += bytes.length
    if (pair.stalled) return
    if (armed === null || armed.direction !== direction) return breakAt(pair, direction, bytes, 0, chance())
    if (armed.left >= bytes.length) {
      armed.left -= bytes.length
      return pass(pair, direction, bytes)
    }
    const { fault, left, struck } = armed
    armed = null
    breakAt(pair, direction, bytes, left, fault)
    struck()
  }

  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    const pair: Pair = { near, far, stalled: false, turn: null, held: null }
    pairs.add(pair)
    totals.made += 1
    near.on('data', (bytes) => forward(pair, 'sent', bytes))
    far.on('data', (bytes) => forward(pair, 'received', bytes))
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => undefined)
      one.on('end', () => pair.stalled || other.end())
      one.on('close', () => {
        // Whoever waits behind a pulled cable does not hear that the other one has given up.
        if (!pair.stalled) other.destroy()
        if (near.destroyed && far.destroyed) pairs.delete(pair)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const pair of pairs) end(pair, 'close')
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  const arm: Relay['arm'] = (fault, direction, bytes) =>
    new Promise((struck) => {
      armed = { fault, direction, left: bytes, struck }
    })
  return {
    port: address.port,
    sentBytes: () => totals.sent,
    receivedBytes: () => totals.received,
    connections: () => ({ made: totals.made, open: pairs.size }),
    turns: () => totals.turns,
    arm,
    disarm() {
      armed = null
    },
    holdTurn: (count) =>
      new Promise((reached) => {
        turns = { left: count, reached }
      }),
    release() {
      turns.left = 0
      const held = queue ?? []
      queue = null
      for (const forwardHeld of held) forwardHeld()
    },
    strike(fault) {
      for (const pair of pairs) {
        if (fault === 'reset') end(pair, 'reset')
        else pair.stalled = true
      }
    },
    holdAfter: (bytes) => void arm('hold', 'sent', bytes),
    letGo() {
      for (const pair of pairs) {
        if (pair.held === null) continue
        const rest = pair.held
        pair.held = null
        pair.near.resume()
        pass(pair, 'sent', rest)
      }
    },
  }
}
