import type { WorkerPort } from '../../core/lib/workers/serve.ts'

interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown }) => void): void
  postMessage(message: unknown): void
}

/** The port of a worker that runs in Electron's utility process, which ends with its main process. */
export function utilityProcessPort(): WorkerPort {
  // Electron puts parentPort on the process of a utility process only; Node's types do not know it.
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort }
  if (parentPort === undefined) throw new Error('This file is started by Holdfast itself, not by hand.')
  return {
    post: (message) => parentPort.postMessage(message),
    listen: (listener) => parentPort.on('message', ({ data }) => listener(data)),
    onClose: () => undefined,
  }
}
