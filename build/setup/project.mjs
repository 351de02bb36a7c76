// Where things are. Every other file of the set-up takes its paths from here.
import { realpathSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout: the directory of package.json. */
export const projectDirectory = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * An absolute path inside the checkout.
 * @param {string[]} parts
 */
export const inProject = (...parts) => path.join(projectDirectory, ...parts)

/**
 * Downloads that outlive node_modules, so that a second `npm ci` fetches nothing again. HOLDFAST_CACHE names
 * it outright: the test desktop needs that, because it gives its programs an XDG_CACHE_HOME of their own.
 */
export function cacheDirectory(environment = process.env) {
  if (environment.HOLDFAST_CACHE) return path.resolve(environment.HOLDFAST_CACHE)
  // The XDG base directory specification: a relative path is to be ignored.
  const xdg = environment.XDG_CACHE_HOME
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache')
  return path.join(base, 'holdfast')
}

/**
 * Says something to the person at the terminal; standard output stays free for what a program prints.
 * @param {string} text
 */
export const say = (text) => process.stderr.write(`${text}\n`)

/**
 * The name of a system's error, such as ENOENT; undefined: it has none.
 * @param {unknown} error
 * @returns {string | undefined}
 */
export const errorCode = (error) => /** @type {NodeJS.ErrnoException | null | undefined} */ (error)?.code

/**
 * Gives `instead` of an error that is dropped for a reason, which HOLDFAST_DEBUG=1 prints.
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
 * For `.catch()`: gives `instead` where a file is not there; any other error is thrown.
 * @template T
 * @param {T} instead
 * @returns {(error: unknown) => T}
 */
export const ifMissing = (instead) => (error) => {
  if (errorCode(error) !== 'ENOENT') throw error
  return instead
}

/**
 * An error that is a defect, with its stack.
 * @param {unknown} thrown
 */
export const stackOf = (thrown) => (thrown instanceof Error && thrown.stack) || String(thrown)

/** The set-up cannot go on, and the message says what to do: shown without a stack. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError'
}

/**
 * Whether the module at this URL is the program that was started, not a part of it.
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
 * Runs a command's main function; a SetupError is a sentence for people, anything else a defect.
 * @param {() => Promise<typeof process.exitCode>} main
 */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (thrown) {
    say(thrown instanceof SetupError ? `holdfast: ${thrown.message}` : stackOf(thrown))
    process.exitCode = 1
    // electron-builder brings a hook that ends whatever has loaded it with 0; this has the last word.
    process.once('exit', () => {
      process.exitCode = 1
    })
  }
}
