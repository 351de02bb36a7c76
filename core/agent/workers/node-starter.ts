import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  type StartedName,
  type WorkerHandle,
  type WorkerStarter,
  workerEnvironment,
  workerHeap,
} from './starter.ts'

/** Starts workers as plain child processes of Node. */
export function nodeWorkerStarter(findModule: (name: StartedName) => URL): WorkerStarter {
  return {
    start: (name): WorkerHandle => {
      const child = fork(fileURLToPath(findModule(name)), {
        env: workerEnvironment(name, process.env),
        execArgv: [...process.execArgv, ...workerHeap(name)],
        // A worker's output is only a fallback for its log messages, so it goes to stderr; stdout belongs to the
        // command.
        stdio: ['ignore', 2, 2, 'ipc'],
      })
      return {
        pid: () => child.pid ?? null,
        // With a callback, a message to a process that has just ended emits no 'error' event.
        post: (message) => void (child.connected && child.send(message as object, () => undefined)),
        onMessage: (listener) => child.on('message', listener),
        onExit: (listener) => {
          child.once('exit', (code, signal) => listener(signal ?? `exit code ${code}`))
          child.once('error', (error) => listener(error.message))
        },
        kill: () => void child.kill('SIGKILL'),
      }
    },
  }
}
