/** The system's error name ("EROFS"), where a thrown value carries one. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

/** What a thrown value says, in the system's or the library's own words. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The system's error name, for which there are words in each language; else what the library says. */
export function reasonOf(error: unknown): string {
  return errorCode(error) ?? errorText(error)
}

/** The error says that nothing is there, or no directory on the way to it. */
export function isGone(code: string | null): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}
