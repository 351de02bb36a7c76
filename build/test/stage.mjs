// Runs a test stage as a process group, so that a stage that hangs is ended together with all processes that it
// started.
import { spawn } from 'node:child_process'
import { errorCode } from '../setup/project.mjs'

const KILL_AFTER_MS = 5_000

/** The process groups of the running stages. */
const running = /** @type {Set<import('node:child_process').ChildProcess>} */ (new Set())

/**
 * Runs a program with inherited output. Resolves with its exit code; not 0 after a timeout or a signal.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd: string, minutes: number }} options
 * @returns {Promise<number>}
 */
export function runStage(command, args, { env, cwd, minutes }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
    running.add(child)
    /** @type {NodeJS.Timeout | undefined} */
    let forced
    const timeout = setTimeout(() => {
      process.stderr.write(`${command} ${args.join(' ')} has not ended within ${minutes} minutes: stopped.\n`)
      endGroup(child, 'SIGTERM')
      forced = setTimeout(() => endGroup(child, 'SIGKILL'), KILL_AFTER_MS)
    }, minutes * 60_000)
    const done = (/** @type {number} */ status) => {
      clearTimeout(timeout)
      clearTimeout(forced)
      running.delete(child)
      resolve(status)
    }
    child.on('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`)
      done(127)
    })
    child.on('close', (code) => done(code ?? 1))
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
