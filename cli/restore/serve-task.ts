import { runTask, type Task, type TaskEvent } from '../../core/restore/task.ts'
import { removeUnfinished } from '../../core/restore/write/write-files.ts'

const post = (event: TaskEvent): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return
    process.send(event, () => resolve())
  })

/** Runs in a child process: takes a task by message, reports events, and ends. */
export function serveTask(): void {
  // The parent has exited or Ctrl-C was pressed. SIGKILL is needed because a hanging disk would block exit().
  const end = () => {
    removeUnfinished()
    process.kill(process.pid, 'SIGKILL')
  }
  process.once('disconnect', end)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  process.once('message', (task) => void runTask(task as Task, post).then(() => process.disconnect()))
}
