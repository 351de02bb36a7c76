// The statistics of samples: how many stored files have to be read again to see damage, and the pace at which they are
// read. Pure.

/** The share of damaged files that samples should reveal. A smaller archive counts as having one damaged file. */
const DAMAGED_SHARE = 0.001
/** Samples of this many days count together. */
export const SAMPLE_DAYS = 30
/** A probability below e to this power counts as none, so that sums stay finite. */
const NEVER = -700

/**
 * Returns the logarithm of the probability that different random files of an archive contain none of its damaged ones.
 * @param samples how many were read
 * @param population how many files the archive has
 */
export function computeLogMiss(samples: number, population: number, share = DAMAGED_SHARE): number {
  const damaged = countDamaged(population, share)
  if (samples <= 0 || population <= 0) return 0
  if (samples > population - damaged) return NEVER
  // Both products are equal: the shorter one is computed.
  const [factors, missing] = samples < damaged ? [samples, damaged] : [damaged, samples]
  let sum = 0
  for (let index = 0; index < factors; index += 1) sum += Math.log1p(-missing / (population - index))
  return Math.max(NEVER + 1, sum)
}

/** Adds the logarithms of independent rounds. The sum is certain only if one of them is. */
export const addLogMisses = (one: number, other: number): number =>
  Math.min(one, other) <= NEVER ? NEVER : Math.max(NEVER + 1, one + other)

const countDamaged = (population: number, share = DAMAGED_SHARE): number =>
  Math.max(1, Math.ceil(share * population))

/**
 * Returns the logarithm of an archive that has got files since its samples were drawn: samples that are older than a
 * file cannot have shown that it is damaged.
 * @param logMiss of independent rounds, by `addLogMisses`
 * @param before how many files the archive had
 * @param added how many have come
 */
export function withAdded(logMiss: number, before: number, added: number): number {
  if (added <= 0) return logMiss
  const population = before + added
  // Each file was read.
  if (logMiss <= NEVER) return computeLogMiss(before, population)
  const missesOne = (before * Math.exp(logMiss / countDamaged(before)) + added) / population
  return Math.max(NEVER + 1, countDamaged(population) * Math.log(missesOne))
}

/** Returns the probability that damage was seen, from its logarithm; 1 only if it is certain. */
export const toConfidence = (logMiss: number): number =>
  logMiss <= NEVER ? 1 : Math.min(1 - Number.EPSILON, 0 - Math.expm1(logMiss))

/** The most that one destination proves in a day. */
export interface ProofLimits {
  /** 0: no file is proven. */
  files: number
  bytes: number
}

/** The use of a destination's limits today. */
export interface ProofPace {
  /** When the day began: milliseconds since 1970. */
  day: number
  files: number
  bytes: number
  /** Bytes above the limits of earlier days: they are deducted from this day and the following ones. */
  debt: number
  /** Every file of the archive was drawn today. */
  isDone: boolean
}

const DAY_MS = 24 * 3_600_000

/** Returns the pace for a day; null: nothing was proven before. */
export function startDay(before: ProofPace | null, day: number, limits: ProofLimits): ProofPace {
  if (before === null) return { day, files: 0, bytes: 0, debt: 0, isDone: false }
  // A clock that was set back must not repeat a day.
  if (day <= before.day) return before
  const days = Math.max(1, Math.round((day - before.day) / DAY_MS))
  const debt = Math.max(0, before.debt + before.bytes - days * limits.bytes)
  return { day, files: 0, bytes: 0, debt, isDone: false }
}

/**
 * True if another file may be proven today. The file that crosses the limit of bytes is still read to its end: otherwise
 * large files would never be among the samples.
 */
export const mayProve = ({ files, bytes, debt, isDone }: ProofPace, limits: ProofLimits): boolean =>
  !isDone && files < limits.files && bytes + debt < limits.bytes

/**
 * Returns when the day of a moment began in the time zone of this computer, or a number of days before it: those in
 * which daylight saving time begins or ends have no 24 hours.
 */
export function getDay(at: number, daysBefore = 0): number {
  const date = new Date(at)
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - daysBefore).getTime()
}

/**
 * Draws different ranks from 0 to `count` exclusive, each order with the same probability. Its memory grows with the
 * number of drawn ranks alone.
 * @param random returns a whole number from 0 to its argument exclusive
 */
export function* drawRanks(count: number, random: (below: number) => number): Generator<number> {
  const moved = new Map<number, number>()
  for (let left = count; left > 0; left -= 1) {
    const place = random(left)
    yield moved.get(place) ?? place
    moved.set(place, moved.get(left - 1) ?? left - 1)
  }
}
