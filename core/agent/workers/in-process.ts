import type { WorkerPort } from '../../lib/workers/serve.ts'
import type { StartedName } from '../state/schema.ts'
import type { WorkerHandle, WorkerStarter } from './starter.ts'

/**
 * Returns a starter that runs one worker in this process, and the others as `others` does. It is for an agent that has
 * little else to do: another process would take as much memory again. A worker here cannot be killed.
 * @param serve runs the worker on a port.
 */
export function inProcessStarter(
  here: StartedName,
  serve: (port: WorkerPort) => void,
  others: WorkerStarter,
): WorkerStarter & { ended(): Promise<unknown> } {
  const running = new Set<Promise<void>>()
  const start = (): WorkerHandle => {
    const over = Promise.withResolvers<void>()
    running.add(over.promise)
    void over.promise.then(() => running.delete(over.promise))
    let toWorker: (message: unknown) => void = () => undefined
    let toAgent: (message: unknown) => void = () => undefined
    // Deferred, as between processes: neither end is called while it calls the other.
    const post = (find: () => typeof toWorker) => (message: unknown) =>
      void setImmediate(() => find()(message))
    serve({
      post: post(() => toAgent),
      listen: (listener) => {
        toWorker = listener
      },
      onClose: () => undefined,
      ended: over.resolve,
    })
    return {
      pid: () => process.pid,
      post: post(() => toWorker),
      onMessage: (listener) => {
        toAgent = listener
      },
      onExit: (listener) => void over.promise.then(() => listener('it has stopped')),
      kill: () => undefined,
    }
  }
  return {
    start: (name, calls) => (name === here ? start() : others.start(name, calls)),
    /** Resolves when each of its workers in this process has stopped. */
    ended: () => Promise.all(running),
  }
}
