/**
 * Splits a path so that it can be shortened in its middle: the head may be cut at its end, the tail always stays. A
 * path of one part has an empty head.
 */
export function splitPath(path: string): { head: string; tail: string } {
  const trimmed = path.length > 1 ? path.replace(/[/\\]+$/, '') : path
  const cut = Math.max(trimmed.lastIndexOf('/'), trimmed.lastIndexOf('\\'))
  if (cut <= 0) return { head: '', tail: trimmed === '' ? path : trimmed }
  return { head: trimmed.slice(0, cut), tail: trimmed.slice(cut) }
}

/** Characters kept at the end of a name that is cut in its middle, to distinguish it from similar names. */
const END_CHARACTERS = 10
/** The end begins with a whole word if it then has no more characters. */
const END_WORDS = 12

/** Splits a name in two parts: the first may be cut, the second always stays. A short name has an empty first part. */
export function splitMiddle(name: string): { start: string; end: string } {
  const letters = [...name]
  if (letters.length <= 2 * END_CHARACTERS) return { start: '', end: name }
  const last = letters.slice(-END_WORDS)
  const word = last.findIndex((letter) => ' /\\_-'.includes(letter))
  const length = word < 0 || word > END_WORDS - 4 ? END_CHARACTERS : END_WORDS - word
  return { start: letters.slice(0, -length).join(''), end: letters.slice(-length).join('') }
}

/** Returns the last part of a path: the file's name. */
export function baseName(path: string): string {
  return splitPath(path).tail.replace(/^[/\\](?=.)/, '')
}

/** True if `path` is `directory` or below it. */
export function isWithin(path: string, directory: string): boolean {
  const root = directory.replace(/[/\\]+$/, '')
  return path === directory || path === root || path.startsWith(`${root}/`) || path.startsWith(`${root}\\`)
}
