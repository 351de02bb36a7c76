// Child processes: with captured output, or in place of this process with signals and exit code passed on.
import { spawn } from 'node:child_process'
import { accessSync, constants as fileConstants } from 'node:fs'
import { constants } from 'node:os'
import { errorCode } from './project.mjs'

/** Maximum number of characters kept of a child's output. */
const KEEP_CHARACTERS = 1_000_000

/**
 * Runs a program to its end and returns its output. Never throws: a program that does not exist or was killed has a
 * status other than 0.
 * @typedef {object} Captured
 * @property {string} stdout
 * @property {string} stderr
 * @property {number} status
 * @property {boolean} missing the program does not exist.
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
      resolve({ ...kept, status: code ?? toExitCode(signal), missing: false, timedOut: child.killed }),
    )
  })
}

/**
 * Returns the exit code that a shell reports for a program ended by a signal.
 * @param {NodeJS.Signals | null} signal
 */
export const toExitCode = (signal) => 128 + (signal === null ? 0 : constants.signals[signal])

const isStartedByNpm = () =>
  process.env.npm_lifecycle_event !== undefined || process.env.npm_command !== undefined

/** Interval of checks whether npm is still running. */
const PARENT_EVERY_MS = 500

/**
 * Calls `gone` once after the parent process has ended. npm sends a signal only to the shell that runs the script, and
 * that shell does not forward it: without this, ending npm would leave this process running.
 * @param {() => void} gone
 */
function watchNpm(gone) {
  if (!isStartedByNpm()) return () => undefined
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
 * Runs a program in place of this process: it gets the terminal and all signals, and this process ends as it did.
 * Replaces this process where Node.js can (execve(2)). Elsewhere, as on Windows, the program is a child process, and the
 * result resolves with the exit code to use. HOLDFAST_LAUNCHER names the process with which the program ends.
 * @param {string} command an absolute path.
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>}
 */
export function runInForeground(command, args, { env = process.env } = {}) {
  if (process.execve !== undefined && process.platform !== 'win32') {
    // Node.js before 26 aborts where execve(2) fails: the usual reason is reported as an error instead.
    accessSync(command, fileConstants.X_OK)
    process.execve(command, [command, ...args], {
      ...env,
      ...(isStartedByNpm() && { HOLDFAST_LAUNCHER: String(process.ppid) }),
    })
  }
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...env, HOLDFAST_LAUNCHER: String(process.pid) },
      stdio: 'inherit',
    })
    /** @param {NodeJS.Signals} signal */
    const passOn = (signal) => {
      // The terminal sends Ctrl-C to the whole foreground group: the child must not receive it twice.
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
      // Ending by the same signal reports it to a waiting shell; signals that do not end this process become a code.
      if (signal !== null && signals.includes(signal)) process.kill(process.pid, signal)
      resolve(code ?? toExitCode(signal))
    })
  })
}
