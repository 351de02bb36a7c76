/** The steps of the first run, in order; each can be skipped, and the last one is a summary. */
export const steps = ['protect', 'where', 'told', 'login', 'end'] as const
export type Step = (typeof steps)[number]

/** The steps on a page, which cannot set what its agent's user starts at login. */
export const pageSteps: readonly Step[] = steps.filter((step) => step !== 'login')

/** Returns the step before (-1) or after (1) in these steps; null at an end. */
export function stepBeside(all: readonly Step[], step: Step, by: -1 | 1): Step | null {
  return all[all.indexOf(step) + by] ?? null
}
