// Child processes: captured, or in our place with signals and exit code passed on.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { errorCode } from './project.mjs'

/** How much of a child's output is kept: enough for any answer that we read, bounded for any child. */
const KEEP_CHARACTERS = 1_000_000

/**
 * Runs a program to its end and gives its output. Never throws: a program that is not there, or that was
 * killed, has a status other than 0.
 * @typedef {object} Captured
 * @property {string} stdout
 * @property {string} stderr
 * @property {number} status
 * @property {boolean} missing the program is not there.
 * @property {Error} [error]
 * @property {boolean} [timedOut]
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string | undefined, timeoutMs?: number, echo?: boolean }} options
 * @returns {Promise<Captured>}
 */
export function capture(command, args, { env = process.env, cwd, timeoutMs = 60_000, echo = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs })
    const kept = { stdout: '', stderr: '' }
    for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
      child[name].setEncoding('utf8')
      child[name].on('data', (/** @type {string} */ text) => {
        kept[name] = (kept[name] + text).slice(-KEEP_CHARACTERS)
        if (echo) process.stderr.write(text)
      })
    }
    child.on('error', (error) =>
      resolve({ ...kept, status: 127, missing: errorCode(error) === 'ENOENT', error }),
    )
    child.on('close', (code, signal) =>
      resolve({ ...kept, status: code ?? exitCodeOf(signal), missing: false, timedOut: child.killed }),
    )
  })
}

/**
 * The exit code that a shell reports for a program that a signal ended.
 * @param {NodeJS.Signals | null} signal
 */
export const exitCodeOf = (signal) => 128 + (signal === null ? 0 : constants.signals[signal])

/** How often to see whether npm is still there. */
const PARENT_EVERY_MS = 500

/**
 * Calls `gone` once when the process that started us has ended. npm passes a signal only to the shell that it
 * runs a script in, and that shell does not pass it on: without this, ending npm would leave us running.
 * @param {() => void} gone
 */
function watchNpm(gone) {
  const startedByNpm = process.env.npm_lifecycle_event !== undefined || process.env.npm_command !== undefined
  if (!startedByNpm) return () => undefined
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    gone()
  }, PARENT_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Runs a program in our place: its terminal is ours, signals that we get go to it, and we end as it ended.
 * Resolves with the exit code to use.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string | undefined }} options
 * @returns {Promise<number>}
 */
export function becomes(command, args, { env = process.env, cwd } = {}) {
  return new Promise((resolve, reject) => {
    // So that the program ends, too, where we are killed.
    const child = spawn(command, args, {
      env: { ...env, HOLDFAST_LAUNCHER: String(process.pid) },
      cwd,
      stdio: 'inherit',
    })
    /** @param {NodeJS.Signals} signal */
    const passOn = (signal) => {
      // The terminal sends Ctrl-C to the whole foreground group: a second copy would look like impatience.
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    }
    /** @type {NodeJS.Signals[]} */
    const signals = process.platform === 'win32' ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, passOn)
    const unwatch = watchNpm(() => child.kill('SIGTERM'))
    const letGo = () => {
      unwatch()
      for (const signal of signals) process.removeListener(signal, passOn)
    }
    child.on('error', (error) => {
      letGo()
      reject(error)
    })
    child.on('close', (code, signal) => {
      letGo()
      // Ending by the same signal tells a waiting shell the truth; a signal that does not end us has a code.
      if (signal !== null && signals.includes(signal)) process.kill(process.pid, signal)
      resolve(code ?? exitCodeOf(signal))
    })
  })
}
