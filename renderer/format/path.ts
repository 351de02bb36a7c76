/**
 * A path in two parts: the head may be cut at its end where room is short, the tail stays, so that a long
 * path is shortened in its middle. A path of one part has an empty head.
 */
export function splitPath(path: string): { head: string; tail: string } {
  const trimmed = path.length > 1 ? path.replace(/[/\\]+$/, '') : path
  const cut = Math.max(trimmed.lastIndexOf('/'), trimmed.lastIndexOf('\\'))
  if (cut <= 0) return { head: '', tail: trimmed === '' ? path : trimmed }
  return { head: trimmed.slice(0, cut), tail: trimmed.slice(cut) }
}

/** Of a name that is cut in its middle so many characters stay at its end: what tells it from its neighbours. */
const END_CHARACTERS = 10

/** A name in two parts: the first may be cut where room is short, the second stays. A short name is not cut. */
export function splitMiddle(name: string): { start: string; end: string } {
  const letters = [...name]
  if (letters.length <= 2 * END_CHARACTERS) return { start: '', end: name }
  return { start: letters.slice(0, -END_CHARACTERS).join(''), end: letters.slice(-END_CHARACTERS).join('') }
}

/** The last part of a path: a file's own name. */
export function baseName(path: string): string {
  return splitPath(path).tail.replace(/^[/\\](?=.)/, '')
}

/** Whether `path` is `directory` or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  const root = directory.replace(/[/\\]+$/, '')
  return path === directory || path === root || path.startsWith(`${root}/`) || path.startsWith(`${root}\\`)
}
