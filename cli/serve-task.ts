import { runTask, type Task, type TaskEvent } from '../core/restore/task.ts'
import { removeUnfinished } from '../core/restore/write/batch.ts'

const post = (event: TaskEvent): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return
    process.send(event, () => resolve())
  })

/** In a process of its own: does the task that it is told, says what there is to say, and ends. */
export function serveTask(): void {
  // Whoever started it is gone, or somebody has pressed Ctrl-C. By SIGKILL, since a disk that hangs would hold an exit.
  const end = () => {
    removeUnfinished()
    process.kill(process.pid, 'SIGKILL')
  }
  process.once('disconnect', end)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  process.once('message', (task) => void runTask(task as Task, post).then(() => process.disconnect()))
}
