export const BURST = { files: 20_000, directories: 200, bytes: 100 }

/** A burst before the one that counts: a scanner that has been at work has its code compiled. */
export const WARM_UP = 5_000

export const WARM_UP_WORD = 'warm-up'

/** Where a burst's files go: into directories that are there, into new ones, into new ones in new ones. */
export const scenarios = ['existing', 'new', 'nested'] as const
export type Scenario = (typeof scenarios)[number]

/** The directory of a burst with this number, relative to the tree. */
export function burstDirectory(scenario: Scenario, directory: number): string {
  if (scenario !== 'nested') return `dir${directory}`
  return `top${Math.floor(directory / 50)}/middle${Math.floor(directory / 5)}/deep/dir${directory}`
}

/** The file of a burst with this number, relative to the tree. */
export function burstFile(scenario: Scenario, index: number): string {
  const directory = Math.floor(index / (BURST.files / BURST.directories))
  return `${burstDirectory(scenario, directory)}/f${index}`
}

/** The file of the burst before, relative to the tree. */
export function warmUpFile(index: number): string {
  return `warm-up${Math.floor(index / 100)}/w${index}`
}

/** The number in a burst file's name, or null if it is another file. */
export function burstIndex(file: string): number | null {
  const digits = /\/f(\d+)$/.exec(file)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** What the scanner says to the benchmark, besides what it says to a supervisor, when every directory is watched. */
export const WATCHED = 'watched'
