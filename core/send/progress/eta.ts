/** What was seen this long ago counts a third (1/e) of what is seen now, in milliseconds. */
const MEMORY_MS = 30_000
/** Nothing is said before this much was seen. */
const LEAST_MS = 3_000
/** Nothing moved for so long: nobody knows when it will. */
const STILL_MS = 15_000

/** How long what waits will take, from what was sent lately. Times are in milliseconds of any steady clock. */
export interface Eta {
  /** Bytes went onto the line. */
  bytes(count: number, now: number): void
  /** Files became durable. */
  files(count: number, now: number): void
  /** Milliseconds for so many files and bytes, rounded as a person would; null: nothing can be said. */
  left(waiting: { files: number; bytes: number }, now: number): number | null
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** An estimate is not more exact than this: 20 s, 3 min, 25 min, 2 h, 3 days. Never nothing. */
export function roundLeft(ms: number): number {
  const step =
    ms < 50 * SECOND
      ? 10 * SECOND
      : ms < 10 * MINUTE
        ? MINUTE
        : ms < HOUR
          ? 5 * MINUTE
          : ms < 5 * HOUR
            ? 30 * MINUTE
            : ms < 48 * HOUR
              ? HOUR
              : 24 * HOUR
  return Math.max(step, Math.round(ms / step) * step)
}

/** A sum in which the past fades. */
function createFading() {
  let sum = 0
  let at = 0
  const fade = (now: number) => {
    sum *= Math.exp(-Math.max(0, now - at) / MEMORY_MS)
    at = Math.max(at, now)
  }
  return {
    add(count: number, now: number) {
      fade(now)
      sum += count
    },
    now(now: number): number {
      fade(now)
      return sum
    },
  }
}

export function createEta(): Eta {
  const sent = { bytes: createFading(), files: createFading() }
  let began: number | null = null
  let movedAt = 0

  const moved = (now: number) => {
    // After a rest the pace is another one: the time in which nothing waited is not held against it.
    if (began === null || now - movedAt > STILL_MS) began = now
    movedAt = now
  }

  return {
    bytes(count, now) {
      moved(now)
      sent.bytes.add(count, now)
    },
    files(count, now) {
      moved(now)
      sent.files.add(count, now)
    },
    left(waiting, now) {
      if (began === null || now - began < LEAST_MS || now - movedAt > STILL_MS) return null
      // The sum of a steady pace that began so long ago, per unit of it.
      const span = MEMORY_MS * (1 - Math.exp(-(now - began) / MEMORY_MS))
      const byBytes = (waiting.bytes * span) / sent.bytes.now(now)
      const byFiles = (waiting.files * span) / sent.files.now(now)
      // What waits may be larger or smaller files than those sent: the one is then too much, the other too little.
      const guesses = [byBytes, byFiles].filter((guess) => Number.isFinite(guess) && guess > 0)
      if (guesses.length === 0) return null
      const product = guesses.reduce((sum, guess) => sum * guess, 1)
      return roundLeft(product ** (1 / guesses.length))
    },
  }
}
