import type { WorkerPort } from '../../core/lib/workers/serve.ts'

interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown }) => void): void
  postMessage(message: unknown): void
}

/** Returns the port of a worker in an Electron utility process, which ends with its main process. */
export function utilityProcessPort(): WorkerPort {
  // Electron adds parentPort to the process object of a utility process; Node's types do not include it.
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort }
  if (parentPort === undefined) throw new Error('This file is started by Holdfast itself, not by hand.')
  return {
    post: (message) => parentPort.postMessage(message),
    listen: (listener) => parentPort.on('message', ({ data }) => listener(data)),
    onClose: () => undefined,
  }
}
