/** The first run, in order; each step can be skipped. */
export const steps = ['protect', 'where', 'told', 'login', 'end'] as const
export type Step = (typeof steps)[number]

/** The last one only says what is set. */
export const ASKING_STEPS = steps.length - 1

/** The step before (-1) or after (1); at an end there is none. */
export function stepBeside(step: Step, by: -1 | 1): Step | null {
  return steps[steps.indexOf(step) + by] ?? null
}
