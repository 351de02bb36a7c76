/** Mounts one place over another, for what it runs alone: $1 over $2, $3 over $4, … */
const REPLACE = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift; exec "$@"'

/** Surroundings of a command, which only root can make. */
export interface Surroundings {
  /** Files or directories that the command has in place of others, by these. */
  replaced?: Record<string, string>
  /** The user that it runs as. */
  uid?: number
}

/** Returns the words before a command that give it these surroundings. */
export function within({ replaced = {}, uid }: Surroundings): string[] {
  const places = Object.entries(replaced).flatMap(([place, by]) => [by, place])
  const namespace = [
    'unshare',
    '--mount',
    '--propagation',
    'slave',
    'sh',
    '-c',
    REPLACE,
    'sh',
    ...places,
    '--',
  ]
  const user =
    uid === undefined ? [] : ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups']
  return [...(places.length === 0 ? [] : namespace), ...user]
}
