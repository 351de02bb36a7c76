import { constants, setPriority } from 'node:os'
import path from 'node:path'
import { utilityProcess } from 'electron'
import {
  type WorkerHandle,
  type WorkerStarter,
  workerEnvironment,
  workerHeap,
} from '../../core/agent/workers/starter.ts'
import { dropError } from '../../core/dropped-errors.ts'
import { endProcess } from './end-process.ts'

/** Starts workers as Electron utility processes; their files lie in workers/ beside the main bundle. */
export function utilityWorkerStarter(directory: string): WorkerStarter {
  return {
    start: (name): WorkerHandle => {
      const child = utilityProcess.fork(path.join(directory, 'workers', `${name}.js`), [], {
        serviceName: `Holdfast ${name}`,
        env: workerEnvironment(name, process.env),
        // Words for V8 reach a utility process only in this wrapping.
        execArgv: [`--js-flags=${workerHeap(name).join(' ')}`],
        stdio: 'inherit',
      })
      if (name !== 'checker') child.once('spawn', () => giveWay(child.pid))
      let fatal = ''
      // Without a listener it would be thrown here, in the main process. 'exit' follows.
      child.on('error', (_type, location) => {
        fatal = `a fatal error of V8 in ${location}, `
      })
      return {
        pid: () => child.pid ?? null,
        post: (message) => child.postMessage(message),
        onMessage: (listener) => child.on('message', listener),
        onExit: (listener) => child.once('exit', (code) => listener(`${fatal}exit code ${code}`)),
        // child.kill() asks with SIGTERM; a worker that no longer turns would not hear it.
        kill: () => {
          if (child.pid === undefined) child.kill()
          else endProcess(child.pid)
        },
      }
    },
  }
}

/** The window, and whoever else works at this computer, comes before files on their way; a check must be on time. */
function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch (error) {
    dropError(error, 'the worker has ended, or the system does not allow another priority')
  }
}
