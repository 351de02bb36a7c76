import { InvalidArgumentError } from 'commander'

/** An empty word, as an unset variable of a script gives, would stand for the working directory. */
export function parsePath(path: string): string {
  if (path === '') throw new InvalidArgumentError('It must not be empty.')
  return path
}

export const collectPaths = (path: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  parsePath(path),
]
