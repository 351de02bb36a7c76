import { InvalidArgumentError } from 'commander'

/** Refuses an empty word, as an unset variable of a script gives: it would mean the working directory. */
export function parsePath(given: string): string {
  if (given === '') throw new InvalidArgumentError('It must not be empty.')
  return given
}

export const collectPaths = (given: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  parsePath(given),
]
