/** Former words of commands, and their words now. They work until the end of 2027. Longer ones come first. */
export const formerNames: readonly (readonly [before: string, now: string])[] = [
  ['receiving on', 'receive on'],
  ['receiving off', 'receive off'],
  ['receiving', 'receive show'],
  ['paths', 'folders'],
  ['expected', 'folders expected'],
  ['pause', 'folders pause'],
  ['resume', 'folders resume'],
  ['scan', 'send'],
  ['probe', 'check'],
  ['keep', 'destinations keep'],
  ['heal', 'verify --repair'],
  ['prove', 'verify --sample'],
  ['incidents', 'failures'],
  ['senders', 'stations'],
  ['limit', 'settings limit'],
  ['proxy', 'settings proxy'],
  ['web', 'settings web'],
]

/** Options that could precede the inner word of a command, as in `receiving --data DIRECTORY on`. */
const BETWEEN = /^(?:--json|--data(?:=.*)?)$/

/** Returns the words of the options at the beginning, and the others. */
export function splitOptions(words: readonly string[]): [options: string[], others: string[]] {
  let end = 0
  while (BETWEEN.test(words[end] ?? '')) end += words[end] === '--data' ? 2 : 1
  return [words.slice(0, end), words.slice(end)]
}

interface Renamed {
  words: string[]
  /** Former and present form; null: nothing was renamed. */
  told: { before: string; now: string } | null
}

/** Replaces former words of a command line. `help COMMAND` becomes `COMMAND --help`. */
export function withPresentNames(given: readonly string[]): Renamed {
  if (given[0] === 'help' && given.length > 1) {
    const { words, told } = withPresentNames(given.slice(1))
    return { words: [...words, '--help'], told }
  }
  const [first = '', ...rest] = given
  const [options, [second = '', ...others]] = splitOptions(rest)
  for (const [before, now] of formerNames) {
    const told = { before, now }
    if (before === first) return { words: [...now.split(' '), ...rest], told }
    if (before === `${first} ${second}`) return { words: [...now.split(' '), ...options, ...others], told }
  }
  return { words: [...given], told: null }
}
