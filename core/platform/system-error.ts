/** Returns the system's error name ("EROFS") of an error, or null. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  // Windows: a device or a network failed in a way that libuv has no name for, such as "the device is not ready".
  if (error.code === 'UNKNOWN') return 'EIO'
  return typeof error.code === 'string' ? error.code : null
}

/** Returns the message of an error, in the wording of the system or library. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Returns the system's error name, which can be translated; otherwise the message of the error. */
export function toReason(error: unknown): string {
  return errorCode(error) ?? errorText(error)
}

/** True if the error means that a file, or a directory in its path, does not exist. */
export function isGone(code: string | null): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}
