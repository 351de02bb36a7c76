import { errorCode } from './platform/system-error.ts'

// Errors that are dropped on purpose pass through these functions, with the reason why nothing is lost.

type ErrorLog = (level: 'debug' | 'warn', text: string) => void

/** HOLDFAST_DEBUG=1 logs each dropped error; a window has no environment and sets its own log. */
export const isDebugging = globalThis.process?.env?.HOLDFAST_DEBUG === '1'

/** Warnings from before the log was set, for example about a library that does not load. */
const early: string[] = []
// Standard error, because standard output is reserved for --json.
let log: ErrorLog = (level, text) => {
  if (isDebugging) console.error(text)
  if (level === 'warn') early.push(text)
}
let hasDebug = isDebugging

/** Reasons and codes that were already logged: a broken disk fails for each of its files. */
const warned = new Set<string>()

/** Sets the log of this process or thread. Short commands set none: HOLDFAST_DEBUG prints to standard error. */
export function logDroppedErrors(to: ErrorLog, debug = isDebugging): void {
  log = to
  hasDebug = debug
  for (const text of early.splice(0)) log('warn', text)
}

/** Logs the line of a dropped error, also on behalf of a thread without a log. */
export function logDroppedError(level: 'debug' | 'warn', text: string): void {
  if (level === 'warn' || hasDebug) log(level, text)
}

/**
 * Drops an error.
 * @param reason completes "dropped: …", such as "the probe's file is removed by the next check".
 * @returns `instead`
 */
export function dropError(error: unknown, reason: string): undefined
export function dropError<T>(error: unknown, reason: string, instead: T): T
export function dropError<T>(error: unknown, reason: string, instead?: T): T | undefined {
  if (hasDebug) logDroppedError('debug', dropLine(error, reason))
  return instead
}

/** Returns a handler for `.catch()` that drops an error. */
export function ignoreError(reason: string): (error: unknown) => undefined
export function ignoreError<T>(reason: string, instead: T): (error: unknown) => T
export function ignoreError<T>(reason: string, instead?: T): (error: unknown) => T | undefined {
  return (error) => dropError(error, reason, instead)
}

/** Returns a handler for `.catch()` that drops errors with these codes and rethrows others. ENOENT: a missing file. */
export function expectErrorCodes<T>(codes: readonly string[], instead: T): (error: unknown) => T {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? '')) throw error
    return instead
  }
}

/** Drops an error. Codes that are not expected are logged as a warning, each once in the lifetime of the process. */
export function warnUnlessCode(error: unknown, codes: readonly string[], reason: string): undefined
export function warnUnlessCode<T>(error: unknown, codes: readonly string[], reason: string, instead: T): T
export function warnUnlessCode<T>(
  error: unknown,
  codes: readonly string[],
  reason: string,
  instead?: T,
): T | undefined {
  if (codes.includes(errorCode(error) ?? '')) return instead
  const text = dropLine(error, reason)
  logDroppedError(warned.has(text) ? 'debug' : 'warn', text)
  warned.add(text)
  return instead
}

/**
 * Resolves when the promise has settled. Its error is left to the code that awaits the promise itself. Also keeps
 * Node.js from ending the process because of an error that is awaited later.
 */
export async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise])
}

/**
 * Returns only the code or kind: messages quote paths and addresses, and those of JSON.parse parts of a secrets file.
 */
function dropLine(error: unknown, reason: string): string {
  const kind = errorCode(error) ?? (error instanceof Error ? error.name : typeof error)
  return `${kind} dropped: ${reason}`
}
