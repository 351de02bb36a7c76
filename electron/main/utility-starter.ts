import { constants, setPriority } from 'node:os'
import path from 'node:path'
import { utilityProcess } from 'electron'
import { reserveThreads } from '../../core/agent/workers/pool-threads.ts'
import {
  type WorkerHandle,
  type WorkerStarter,
  workerEnvironment,
  workerHeap,
} from '../../core/agent/workers/starter.ts'
import { dropError } from '../../core/dropped-errors.ts'
import { endProcess } from './end-process.ts'

/** Starts workers as Electron utility processes; their scripts are in workers/ beside the main bundle. */
export function utilityWorkerStarter(directory: string): WorkerStarter {
  return {
    start: (name, calls): WorkerHandle => {
      const { threads, release } = reserveThreads(name, calls)
      const child = utilityProcess.fork(path.join(directory, 'workers', `${name}.js`), [], {
        serviceName: `Holdfast ${name}`,
        env: workerEnvironment(threads, process.env),
        // V8 options reach a utility process only in this form.
        execArgv: [`--js-flags=${workerHeap(name).join(' ')}`],
        stdio: 'inherit',
      })
      child.once('exit', release)
      if (name !== 'checker') child.once('spawn', () => giveWay(child.pid))
      let fatal = ''
      // Without a listener the error would be thrown in the main process. 'exit' follows.
      child.on('error', (_type, location) => {
        fatal = `a fatal error of V8 in ${location}, `
      })
      return {
        pid: () => child.pid ?? null,
        post: (message) => child.postMessage(message),
        onMessage: (listener) => child.on('message', listener),
        onExit: (listener) => child.once('exit', (code) => listener(`${fatal}exit code ${code}`)),
        // child.kill() sends SIGTERM, which a worker with a blocked event loop would not handle.
        kill: () => {
          if (child.pid === undefined) child.kill()
          else endProcess(child.pid)
        },
      }
    },
  }
}

/** Lowers the priority: the window and other programs take precedence over transfers. Checks must be on time. */
function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch (error) {
    dropError(error, 'the worker has ended, or the system does not allow another priority')
  }
}
