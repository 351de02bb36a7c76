// The project's paths, for all files of the set-up.
import { realpathSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout: the directory of package.json. */
export const projectDirectory = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * Returns an absolute path inside the checkout.
 * @param {string[]} parts
 */
export const inProject = (...parts) => path.join(projectDirectory, ...parts)

/**
 * Returns the directory for downloads that outlive node_modules, so that a second `npm ci` fetches nothing.
 * HOLDFAST_CACHE overrides it: the test desktop needs that, as its programs get a separate XDG_CACHE_HOME.
 */
export function cacheDirectory(environment = process.env) {
  if (environment.HOLDFAST_CACHE) return path.resolve(environment.HOLDFAST_CACHE)
  // XDG Base Directory Specification: a relative path must be ignored.
  const xdg = environment.XDG_CACHE_HOME
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache')
  return path.join(base, 'holdfast')
}

/**
 * Prints a message for the user on standard error: standard output is for a program's results.
 * @param {string} text
 */
export const say = (text) => process.stderr.write(`${text}\n`)

/**
 * Returns the name of a system error, such as ENOENT; undefined if it has none.
 * @param {unknown} error
 * @returns {string | undefined}
 */
export const errorCode = (error) => /** @type {NodeJS.ErrnoException | null | undefined} */ (error)?.code

/**
 * Drops an error for a reason, which HOLDFAST_DEBUG=1 prints, and returns `instead`.
 * @template [T=undefined]
 * @param {unknown} error
 * @param {string} reason
 * @param {T} [instead]
 * @returns {T}
 */
export function dropError(error, reason, instead) {
  if (process.env.HOLDFAST_DEBUG === '1') say(`${errorCode(error) ?? 'error'} dropped: ${reason}`)
  return /** @type {any} */ (instead)
}

/**
 * For `.catch()`: returns `instead` if a file does not exist; rethrows any other error.
 * @template T
 * @param {T} instead
 * @returns {(error: unknown) => T}
 */
export const ifMissing = (instead) => (error) => {
  if (errorCode(error) !== 'ENOENT') throw error
  return instead
}

/**
 * Returns the stack of an unexpected error.
 * @param {unknown} thrown
 */
export const getStack = (thrown) => (thrown instanceof Error && thrown.stack) || String(thrown)

/** The set-up cannot continue; the message, shown without a stack, contains instructions. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError'
}

/**
 * True if the module at this URL is the program that was started, not an imported module.
 * @param {string} url
 */
export function isProgram(url) {
  const started = process.argv[1]
  if (started === undefined) return false
  try {
    return realpathSync(started) === fileURLToPath(url)
  } catch (error) {
    return dropError(error, 'the program that was started has no path, so it is not this module', false)
  }
}

/**
 * Runs a command's main function; a SetupError is printed as a sentence, any other error with its stack.
 * @param {() => Promise<typeof process.exitCode>} main
 */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (thrown) {
    say(thrown instanceof SetupError ? `holdfast: ${thrown.message}` : getStack(thrown))
    process.exitCode = 1
    // electron-builder installs a hook that exits with 0; this sets the final exit code.
    process.once('exit', () => {
      process.exitCode = 1
    })
  }
}
