/** The steps of the first run, in order; each can be skipped, and the last one is a summary. */
export const steps = ['protect', 'where', 'told', 'login', 'end'] as const
export type Step = (typeof steps)[number]

/** Returns the step before (-1) or after (1); null at an end. */
export function stepBeside(step: Step, by: -1 | 1): Step | null {
  return steps[steps.indexOf(step) + by] ?? null
}
