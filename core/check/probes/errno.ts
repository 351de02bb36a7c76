import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

/** A failed system call: the system's number (positive) and its name, such as 30 and EROFS. */
export interface SystemError {
  errno: number
  code: string
}

type Koffi = typeof import('koffi')

/** Loaded at first use: the check of a path without errors does not need it. */
const koffi = (): Koffi => createRequire(import.meta.url)('koffi') as Koffi

/** Returns the name of a system error's number (positive), such as EROFS for 30. */
export function errorName(errno: number): string {
  const name = getSystemErrorName(-errno)
  if (/^E[A-Z0-9]+$/.test(name)) return name
  // Numbers that Node.js has no name for, such as EUCLEAN.
  const named = Object.entries(koffi().os.errno).find(([, number]) => number === errno)
  return named?.[0] ?? `E${errno}`
}

let strerrorCall: ((errno: number) => string) | null = null

/** Returns strerror(3) of a system error's number (positive), in the C locale: Node's own texts (libuv's) differ. */
export function strerror(errno: number): string {
  strerrorCall ??= koffi().load(null).func('const char *strerror(int errno)')
  return strerrorCall(errno)
}

/** Returns the system error of a failed call of node:fs; EINVAL for an argument that Node.js itself rejected. */
export function toSystemError(error: unknown): SystemError {
  const isSystem = typeof error === 'object' && error !== null && 'errno' in error
  const errno = isSystem && typeof error.errno === 'number' ? Math.abs(error.errno) : constants.errno.EINVAL
  return { errno, code: errorName(errno) }
}
