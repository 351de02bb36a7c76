/** An escaped character, or a bracket expression that is closed: its first member may be a "]", and it may name classes. */
const CLOSED =
  /\\.|\[(?:[!^]|(?![!^]))(?:\\.|\[:\w*:\]|(?!\[:\w*:\])[^\\])(?:\\.|\[:\w*:\]|(?!\[:\w*:\])[^\]\\])*\]/gs

/** The first gitignore pattern with a bracket that is never closed: git takes it for one that matches nothing. Pure. */
export function unclosedPattern(patterns: readonly string[]): string | null {
  const isUnclosed = (pattern: string) =>
    !pattern.startsWith('#') && pattern.replace(CLOSED, '').includes('[')
  return patterns.find(isUnclosed) ?? null
}
