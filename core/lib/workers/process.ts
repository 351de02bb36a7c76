import { getPriority, setPriority } from 'node:os'
import { dropError } from '../../dropped-errors.ts'
import { errorCode } from '../../platform/system-error.ts'

// The current process or thread: its end, its priority, its memory after the start.

const LAUNCHER_CHECK_MS = 500

/** The shell of build/setup/guard.mjs that started this process; 0: none did. */
let guard = 0

/**
 * Ends this process as SIGTERM does when the process that started it has exited: a launcher that waits
 * (build/setup/run.mjs), or npm. When killed, neither can forward the signal, and a remaining process would keep the
 * store's lock. Call it once, at the start.
 */
export function endWithLauncher(): void {
  const launcher = Number(process.env.HOLDFAST_LAUNCHER)
  guard = Number(process.env.HOLDFAST_GUARD ?? 0)
  // Must not be inherited by processes that this one starts.
  delete process.env.HOLDFAST_LAUNCHER
  delete process.env.HOLDFAST_GUARD
  if (!(launcher > 0) || process.platform === 'win32') return
  const timer = setInterval(() => {
    const isParent = process.ppid === (guard || launcher)
    if (isParent && (launcher === process.ppid || isRunning(launcher))) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, LAUNCHER_CHECK_MS)
  timer.unref()
}

/** True if a process with this id is running, even if it belongs to another user and cannot be signalled. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return errorCode(thrown) !== 'ESRCH'
  }
}

/** Ends the shell that this process' caller waits for, as this process may be kept by the kernel. */
export function tellGuard(): void {
  if (guard > 0 && process.ppid === guard) process.kill(guard, 'SIGUSR1')
}

/**
 * Ends this process immediately. process.exit() would wait for the threads of libuv's pool (uv_library_shutdown joins
 * them), and a thread may be blocked in the kernel forever by a hanging disk.
 */
export function endNow(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** A nice(2) value: nine times the processor share of a normal thread. */
const BEFORE_OTHERS = -10
const AS_OTHERS = 0

let isBefore = false
/** Number of long jobs that this thread is running. */
let jobs = 0

/**
 * Raises the priority of the calling thread, and of those that it starts later, if the system permits it (root,
 * CAP_SYS_NICE, RLIMIT_NICE) and the process has the default priority. The kernel's event queue is finite, and a file's
 * event needs little processor time. If the writer and V8's helper threads use every processor, this cuts the 99th
 * percentile of the time from a file's close to its report to a third. Linux only: on other systems a priority applies
 * to the whole process.
 */
export function raisePriority(): void {
  if (process.platform !== 'linux' || getPriority() !== AS_OTHERS) return
  isBefore = trySetPriority(BEFORE_OTHERS)
}

/** Marks a long job of this thread that no other work waits for; returns the function that ends the mark. */
export function beginLongJob(): () => void {
  jobs += 1
  if (isBefore && jobs === 1) trySetPriority(AS_OTHERS)
  return () => {
    jobs -= 1
    if (isBefore && jobs === 0) trySetPriority(BEFORE_OTHERS)
  }
}

/** Sets the priority of the calling thread only: setpriority(2) with 0. */
function trySetPriority(priority: number): boolean {
  try {
    setPriority(priority)
    return true
  } catch (error) {
    return dropError(error, 'the system does not allow another priority', false)
  }
}

/**
 * After this time the first work is done, also on a slow machine. A collection takes a quarter of a second of each
 * process and thread: sooner it would take a fifth of the processor time of a command that starts them for one file.
 */
const AFTER_MS = 20_000

/**
 * Collects garbage once after the start. Loading the modules leaves twice as much garbage as code, and V8 keeps that
 * memory as long as an idle process or thread lives. This frees 10 to 30 MiB in each.
 */
export function collectStart(): void {
  const collect = () => findCollector()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  setTimeout(collect, AFTER_MS).unref()
}

/**
 * Returns V8's function that collects garbage: with --expose-gc it is global. Commands and services start without that
 * option, with which V8 refuses the compiled code of Node.js' modules, and only a new context has the function then.
 */
export function findCollector(): typeof globalThis.gc {
  // Chromium may have frozen V8's flags by now; setting one would then end the process.
  if (globalThis.gc !== undefined || process.versions.electron !== undefined) return globalThis.gc
  // Compiled code would be stored for that option, or not at all if the process is killed.
  process.getBuiltinModule('node:module').flushCompileCache?.()
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc')
  return process.getBuiltinModule('node:vm').runInNewContext('globalThis.gc')
}
