/**
 * Returns a copy of a record that has no other keys than its own. An id of a peer may be "constructor", which every object
 * with a prototype seems to have.
 */
export const ownKeys = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.assign(Object.create(null) as Record<string, T>, record)
