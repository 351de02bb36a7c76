import { networkInterfaces } from 'node:os'

/** Interval between two checks for sleep and network changes. */
const LOOK_EVERY_MS = 5_000
/**
 * Two checks that are apart by this much more than planned mean that this process was suspended. A receiver closes a
 * connection after 20 s of silence (channel.ts); the heartbeat handles shorter gaps.
 */
const GAP_MS = 20_000

/** The values that two checks compare. */
export interface ClockReading {
  /** Milliseconds since 1970: this clock advances while the computer sleeps. */
  wall: number
  /** Milliseconds of the monotonic clock: on Linux and macOS it stops during sleep (clock_gettime(2)). */
  steady: number
  /** This computer's addresses, without loopback. */
  addresses: readonly string[]
}

/** `slept`: asleep or stopped; also a clock that was put forward, which looks the same and does no harm. */
export type Change = 'slept' | 'network'

/** Returns what happened between two checks, or null. */
export function changeBetween(before: ClockReading, after: ClockReading): Change | null {
  const gap = Math.max(after.wall - before.wall, after.steady - before.steady)
  if (gap > LOOK_EVERY_MS + GAP_MS) return 'slept'
  return before.addresses.join() === after.addresses.join() ? null : 'network'
}

/** Returns the current addresses of this computer, sorted, so that their order does not depend on the system. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ internal, address }) => (internal ? [] : [address]))
    .sort()
}

/**
 * True if a connection from this address may still work. IPv4 addresses may be written as IPv6 (RFC 4291, 2.5.5.2);
 * loopback addresses always work.
 */
export function isOwnAddress(address: string, addresses: readonly string[]): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return plain === '::1' || plain.startsWith('127.') || addresses.includes(plain)
}

export function readClocks(): ClockReading {
  return { wall: Date.now(), steady: performance.now(), addresses: ownAddresses() }
}

/** Calls `onChange` when the computer woke up or its addresses changed. Returns a function that stops it. */
export function watchWake(
  onChange: (change: Change, now: ClockReading) => void,
  look: () => ClockReading = readClocks,
): () => void {
  let before = look()
  const timer = setInterval(() => {
    const now = look()
    const change = changeBetween(before, now)
    before = now
    if (change !== null) onChange(change, now)
  }, LOOK_EVERY_MS)
  return () => clearInterval(timer)
}
