/** True in `npm run test:long`: campaigns run at full length, and an invariant on every file system. */
const isLong = process.env.HOLDFAST_LONG === '1'

/** Returns the length of a campaign. */
export const chooseLength = (usual: number, long: number): number => (isLong ? long : usual)

/**
 * Returns the cases that `npm run test:full` runs: the first `usual`, which prove the invariant; all in
 * `npm run test:long`.
 */
export const chooseCases = <T>(all: readonly T[], usual: number): T[] =>
  all.slice(0, isLong ? all.length : usual)
