/** Addresses that are remembered; beyond it the oldest is forgotten. */
const MOST_ADDRESSES = 10_000

/** How often each address may do something within a period (a fixed window). */
export interface Attempts {
  /** False: it has done so too often. @param now milliseconds of any steady clock. */
  take(address: string, now: number): boolean
}

export function createAttempts(most: number, periodMs: number): Attempts {
  const counted = new Map<string, { since: number; count: number }>()
  return {
    take(address, now) {
      const known = counted.get(address)
      const one = known === undefined || now - known.since >= periodMs ? { since: now, count: 0 } : known
      one.count += 1
      counted.delete(address)
      counted.set(address, one)
      const [oldest] = counted.keys()
      if (counted.size > MOST_ADDRESSES && oldest !== undefined) counted.delete(oldest)
      return one.count <= most
    },
  }
}
