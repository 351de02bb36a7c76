import type { WorkerPort } from './serve.ts'

/** The port of a worker that was started by node:child_process fork(). */
export function childProcessPort(): WorkerPort {
  if (process.send === undefined) throw new Error('This file is started by Holdfast itself, not by hand.')
  return {
    post: (message) => {
      // A message to a supervisor that has just gone is of no use to anybody.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
    },
    listen: (listener) => process.on('message', listener),
    onClose: (listener) => process.once('disconnect', listener),
  }
}
