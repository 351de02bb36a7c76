import { removeUnfinished } from '../../core/store/restore/batch.ts'
import type { Task, TaskEvent } from '../../core/store/task.ts'
import { runTask } from '../../core/store/task.ts'

const post = (event: TaskEvent): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return
    process.send(event, () => resolve())
  })

// Whoever started it is gone, or somebody has pressed Ctrl-C. By SIGKILL, since a disk that hangs would hold an exit.
const end = () => {
  removeUnfinished()
  process.kill(process.pid, 'SIGKILL')
}
process.once('disconnect', end)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
process.once('message', (task) => void runTask(task as Task, post).then(() => process.disconnect()))
