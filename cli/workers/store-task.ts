import type { Task, TaskEvent } from '../../core/receive/task.ts'
import { runTask } from '../../core/receive/task.ts'

const post = (event: TaskEvent): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return
    process.send(event, () => resolve())
  })

// Whoever started it is gone, and nobody would read what it finds.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.once('message', (task) => void runTask(task as Task, post).then(() => process.disconnect()))
