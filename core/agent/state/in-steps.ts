const MINUTE = 60_000

/** A duration in milliseconds as a sentence has it that is made anew all the time: from a minute on no second ticks in it. */
export function inSteps(duration: number, round: (steps: number) => number = Math.floor): number {
  const step = duration < MINUTE ? 1_000 : MINUTE
  return round(duration / step) * step
}
