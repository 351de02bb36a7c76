/** The one channel between a worker and its supervisor: structured messages, in order, both ways. */
export interface WorkerPort {
  post(message: unknown): void
  listen(listener: (message: unknown) => void): void
  /** Called once when the supervisor is gone: a worker must not outlive it. */
  onClose(listener: () => void): void
}
