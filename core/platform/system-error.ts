/** The system's error name ("EROFS"), where a thrown value carries one. */
export function errorCode(thrown: unknown): string | null {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return null
  return typeof thrown.code === 'string' ? thrown.code : null
}

/** What a thrown value says, in the system's or the library's own words. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The system's error name, for which there are words in each language; else what the library says. */
export function reasonOf(thrown: unknown): string {
  return errorCode(thrown) ?? errorText(thrown)
}

/** The error says that nothing is there, or no directory on the way to it. */
export function isGone(code: string | null): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}
