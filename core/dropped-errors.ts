import { errorCode } from './platform/system-error.ts'

// An error that is dropped on purpose goes through these functions, with the reason why nothing is lost by it.

type ErrorLog = (level: 'debug' | 'warn', text: string) => void

/** HOLDFAST_DEBUG=1 logs each dropped error; a window has no environment and sets a log of its own. */
export const isDebugging = globalThis.process?.env?.HOLDFAST_DEBUG === '1'

/** Warnings from before the log was set, such as a library that does not load. */
const early: string[] = []
// Standard error: standard output belongs to --json.
let log: ErrorLog = (level, text) => {
  if (isDebugging) console.error(text)
  if (level === 'warn') early.push(text)
}
let hasDebug = isDebugging

/** Reasons and codes that were warned of: a broken disk fails at each of its files. */
const warned = new Set<string>()

/** Sets the log of this process or thread. A short command has none: HOLDFAST_DEBUG prints to its standard error. */
export function logDroppedErrors(to: ErrorLog, debug = isDebugging): void {
  log = to
  hasDebug = debug
  for (const text of early.splice(0)) log('warn', text)
}

/** Logs a line of a dropped error, also for a thread that has no log of its own. */
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

/** The same for `.catch()`. */
export function ignoreError(reason: string): (error: unknown) => undefined
export function ignoreError<T>(reason: string, instead: T): (error: unknown) => T
export function ignoreError<T>(reason: string, instead?: T): (error: unknown) => T | undefined {
  return (error) => dropError(error, reason, instead)
}

/** Drops errors of these codes, for `.catch()`; others go on. ENOENT: the file is not there. */
export function expectErrorCodes<T>(codes: readonly string[], instead: T): (error: unknown) => T {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? '')) throw error
    return instead
  }
}

/** Drops an error; codes that are not expected are logged as a warning, each once for as long as the process lives. */
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
 * Resolves when the promise has ended, in whichever way: its error is for those who await the promise itself. It also
 * keeps Node.js from ending the process for an error that is awaited later.
 */
export async function settled(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise])
}

/** The code or kind alone: messages quote paths and addresses, and JSON.parse's a part of a secrets file. */
function dropLine(error: unknown, reason: string): string {
  const kind = errorCode(error) ?? (error instanceof Error ? error.name : typeof error)
  return `${kind} dropped: ${reason}`
}
