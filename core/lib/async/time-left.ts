/** Age in milliseconds at which a measurement has a third (1/e) of its initial weight. */
const MEMORY_MS = 30_000
/** Minimum measured time, after weighting, for an estimate. */
const LEAST_MS = 2_500
/** After this time without progress there is no estimate. */
const STILL_MS = 15_000
/** Measurements are grouped in slices of this length, because a few milliseconds are no measure of speed. */
const SLICE_MS = 1_000
/** From this mean file size on, only bytes are relevant. */
const LARGE_BYTES = 10 * 1024 * 1024
/** If two estimates differ by a larger factor, there is no estimate, unless both are below ten seconds. */
const MOST_APART = 4
/** Longer times, in milliseconds, cannot be estimated. */
const LONGEST_MS = 30 * 86_400_000

interface ToGo {
  files: number
  bytes: number
}

/**
 * Estimates the remaining time from recent progress. Each byte and each file has a cost; if the measurements cannot
 * separate the two, there is no estimate. Times are in milliseconds of any monotonic clock.
 */
export interface TimeLeft {
  /** Records transferred bytes. */
  bytes(count: number, now: number): void
  /** Records completed files. */
  files(count: number, now: number): void
  /** Discards the measurements at a pause, because they do not predict the time after it. */
  rest(): void
  /**
   * Returns rounded milliseconds; null: unknown.
   * @param bytesPerSecond the limit in force; null: none
   */
  left(toGo: ToGo, now: number, bytesPerSecond?: number | null): number | null
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Rounds an estimate to its plausible precision: 20 s, 3 min, 25 min, 2 h, 3 days. Never returns 0. */
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

/** Sums over slices of time, in which older slices have less weight: t milliseconds, f files, b bytes, and products. */
interface Seen {
  t: number
  f: number
  b: number
  ff: number
  fb: number
  bb: number
  tf: number
  tb: number
}
const NOTHING: Seen = { t: 0, f: 0, b: 0, ff: 0, fb: 0, bb: 0, tf: 0, tb: 0 }

function withSlice(seen: Seen, t: number, f: number, b: number): Seen {
  const fade = Math.exp(-t / MEMORY_MS)
  const now: Seen = { t, f, b, ff: f * f, fb: f * b, bb: b * b, tf: t * f, tb: t * b }
  const sum = (key: keyof Seen) => seen[key] * fade + now[key]
  return {
    t: sum('t'),
    f: sum('f'),
    b: sum('b'),
    ff: sum('ff'),
    fb: sum('fb'),
    bb: sum('bb'),
    tf: sum('tf'),
    tb: sum('tb'),
  }
}

export function createTimeLeft(): TimeLeft {
  let seen = NOTHING
  let slice = { from: 0, files: 0, bytes: 0 }
  let movedAt: number | null = null

  const rest = () => {
    seen = NOTHING
    movedAt = null
  }
  const count = (files: number, bytes: number, now: number) => {
    if (movedAt === null || now - movedAt > STILL_MS) {
      rest()
      slice = { from: now, files: 0, bytes: 0 }
    }
    movedAt = now
    slice.files += files
    slice.bytes += bytes
    if (now - slice.from < SLICE_MS) return
    seen = withSlice(seen, now - slice.from, slice.files, slice.bytes)
    slice = { from: now, files: 0, bytes: 0 }
  }

  return {
    bytes: (bytes, now) => count(0, bytes, now),
    files: (files, now) => count(files, 0, now),
    rest,
    left(toGo, now, bytesPerSecond = null) {
      if (movedAt === null || now - movedAt > STILL_MS || seen.t < LEAST_MS) return null
      const guess = estimateMs(seen, toGo)
      if (guess === null) return null
      const least = bytesPerSecond === null ? 0 : (toGo.bytes / bytesPerSecond) * 1000
      const ms = Math.max(guess, least)
      return ms > LONGEST_MS ? null : roundLeft(ms)
    },
  }
}

/** Returns milliseconds; null: the measurements are insufficient. */
function estimateMs(seen: Seen, { files, bytes }: ToGo): number | null {
  const { f, b, t, ff, fb, bb, tf, tb } = seen
  const apart = ff * bb - fb * fb
  if (apart > 0.05 * ff * bb) {
    // The non-negative costs of a file and of a byte that fit best (least squares), scaled to the measured time.
    const perFile = Math.max(0, (tf * bb - tb * fb) / apart)
    const perByte = Math.max(0, (tb * ff - tf * fb) / apart)
    const all = perFile * f + perByte * b
    return all === 0 ? null : ((perFile * files + perByte * bytes) * t) / all
  }
  // The measurements do not separate files from bytes, so they only predict work of the same kind.
  const byBytes = b === 0 ? null : (bytes * t) / b
  const byFiles = f === 0 ? null : (files * t) / f
  const isLarge = bytes >= files * LARGE_BYTES && b >= f * LARGE_BYTES
  if (files === 0 || isLarge) return byBytes
  if (bytes === 0) return byFiles
  if (byBytes === null || byFiles === null) return null
  const most = Math.max(byBytes, byFiles)
  if (most < 10 * SECOND) return most
  return most > MOST_APART * Math.min(byBytes, byFiles) ? null : Math.sqrt(byBytes * byFiles)
}
