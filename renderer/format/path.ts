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

/** The last part of a path: a file's own name. */
export function baseName(path: string): string {
  return splitPath(path).tail.replace(/^[/\\](?=.)/, '')
}

/** Whether `path` is `directory` or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  const root = directory.replace(/[/\\]+$/, '')
  return path === directory || path === root || path.startsWith(`${root}/`) || path.startsWith(`${root}\\`)
}
