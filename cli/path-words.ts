import { InvalidArgumentError } from 'commander'

/** An empty word, as an unset variable of a script gives, would stand for the working directory. */
export function parsePath(given: string): string {
  if (given === '') throw new InvalidArgumentError('It must not be empty.')
  return given
}

export const collectPaths = (given: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  parsePath(given),
]
