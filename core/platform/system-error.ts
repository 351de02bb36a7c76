/** Linux' numbers of the errors of disks, shares and quotas that libuv has no name for (errno(3)). */
const UNNAMED: Readonly<Record<string, string>> = {
  ...{ 37: 'ENOLCK', 67: 'ENOLINK', 74: 'EBADMSG', 116: 'ESTALE', 117: 'EUCLEAN', 122: 'EDQUOT' },
  ...{ 123: 'ENOMEDIUM', 124: 'EMEDIUMTYPE', 126: 'ENOKEY' },
}

/** Returns the error of a block, if what was deferred to its end (core/defer.ts) failed, too. */
const firstError = (error: unknown): unknown =>
  error instanceof Error && 'suppressed' in error ? firstError(error.suppressed) : error

/** Returns the system's error name ("EROFS") of an error, or null. */
export function errorCode(thrown: unknown): string | null {
  const error = firstError(thrown)
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  // Windows: a device or a network failed in a way that libuv has no name for, such as "the device is not ready".
  if (error.code === 'UNKNOWN') return 'EIO'
  // Node.js' rmSync() gives an empty code to errors such as that of a read-only file system.
  if (typeof error.code !== 'string' || error.code === '') return null
  const [, number] = /^Unknown system error -(\d+)$/.exec(error.code) ?? []
  const name = number === undefined || process.platform !== 'linux' ? undefined : UNNAMED[number]
  return name ?? error.code
}

/** Returns the message of an error, in the wording of the system or library. */
export function errorText(thrown: unknown): string {
  const error = firstError(thrown)
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
