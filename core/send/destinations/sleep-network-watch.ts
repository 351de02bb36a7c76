import { networkInterfaces } from 'node:os'

/** How often it is looked whether the computer slept, or its network is another one. */
const LOOK_EVERY_MS = 5_000
/**
 * Looks that are further apart than planned by this much mean that this process did not run. A receiver gives up
 * a connection after 20 s of silence (channel.ts); a shorter gap is left to the heartbeat.
 */
const GAP_MS = 20_000

/** What is compared from one look to the next. */
export interface ClockReading {
  /** Milliseconds since 1970: it goes on while the computer sleeps. */
  wall: number
  /** Milliseconds of the steady clock: on Linux and macOS it stands still meanwhile (clock_gettime(2)). */
  steady: number
  /** This computer's addresses, without those of the loop. */
  addresses: readonly string[]
}

/** `slept`: asleep, or stopped; also a clock that was put forward, which cannot be told from it and does no harm. */
export type Change = 'slept' | 'network'

/** What has happened between two looks, or null. */
export function changeBetween(before: ClockReading, after: ClockReading): Change | null {
  const gap = Math.max(after.wall - before.wall, after.steady - before.steady)
  if (gap > LOOK_EVERY_MS + GAP_MS) return 'slept'
  return before.addresses.join() === after.addresses.join() ? null : 'network'
}

/** The addresses of this computer now, in an order that does not depend on the system's. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ internal, address }) => (internal ? [] : [address]))
    .sort()
}

/**
 * Whether a connection from this address may still live. IPv4 addresses may be written as IPv6 (RFC 4291, 2.5.5.2);
 * the loop's are always there.
 */
export function isOwnAddress(address: string, addresses: readonly string[]): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return plain === '::1' || plain.startsWith('127.') || addresses.includes(plain)
}

export function momentNow(): ClockReading {
  return { wall: Date.now(), steady: performance.now(), addresses: ownAddresses() }
}

/** Calls `onChange` when the computer woke up, or its addresses are other ones. Returns what ends it. */
export function watchWake(
  onChange: (change: Change, now: ClockReading) => void,
  look: () => ClockReading = momentNow,
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
