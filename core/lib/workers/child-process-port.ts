import type { WorkerPort } from './serve.ts'

/** Returns the port of a worker that was started with fork() of node:child_process. */
export function childProcessPort(): WorkerPort {
  if (process.send === undefined) throw new Error('This file is started by Holdfast itself, not by hand.')
  return {
    post: (message) => {
      // Errors are ignored: the supervisor may just have exited.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
    },
    listen: (listener) => process.on('message', listener),
    onClose: (listener) => process.once('disconnect', listener),
  }
}
