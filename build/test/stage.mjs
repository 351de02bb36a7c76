// Runs a test stage as a process group, so that a stage that hangs is ended together with all processes that it
// started.
import { spawn } from 'node:child_process'
import { errorCode } from '../setup/project.mjs'

const KILL_AFTER_MS = 5_000

/** The process groups of the running stages. */
const running = /** @type {Set<import('node:child_process').ChildProcess>} */ (new Set())

/**
 * Describes the end of a program: its exit code, not 0 after a timeout or a signal, and a phrase for people.
 * @typedef {{ status: number, reason: string }} Ended
 *
 * Runs a program with inherited output, at most for `minutes`.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd: string, minutes: number }} options
 * @returns {Promise<Ended>}
 */
export function runStage(command, args, { env, cwd, minutes }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
    running.add(child)
    /** @type {NodeJS.Timeout | undefined} */
    let forced
    /** @type {string | undefined} */
    let stopped
    const timeout = setTimeout(() => {
      stopped = `the stage was stopped at its limit of ${minutes} minutes`
      process.stderr.write(`${command} ${args.join(' ')}: ${stopped}.\n`)
      endGroup(child, 'SIGTERM')
      forced = setTimeout(() => endGroup(child, 'SIGKILL'), KILL_AFTER_MS)
    }, minutes * 60_000)
    const done = (/** @type {Ended} */ ended) => {
      clearTimeout(timeout)
      clearTimeout(forced)
      running.delete(child)
      resolve(ended)
    }
    child.on('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`)
      done({ status: 127, reason: `it could not be started: ${error.message}` })
    })
    child.on('close', (code, signal) => {
      const reason = stopped ?? (signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`)
      // A runner that catches SIGTERM may end with 0 though it was stopped.
      done({ status: stopped ? 124 : (code ?? 1), reason })
    })
  })
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function endGroup(child, signal) {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

/** Forwards a signal to the running stages, and exits after they have ended. */
export function passSignalsOn() {
  const exitCodes = /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])
  for (const [signal, code] of exitCodes) {
    process.once(signal, () => {
      if (running.size === 0) process.exit(code)
      for (const child of running) {
        child.once('close', () => {
          if (running.size === 0) process.exit(code)
        })
        endGroup(child, signal)
        setTimeout(() => endGroup(child, 'SIGKILL'), KILL_AFTER_MS).unref()
      }
    })
  }
}
