/** A word as a shell takes it in a command that a person copies; quoted only where that is needed (POSIX sh). */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
