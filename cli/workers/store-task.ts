import type { Task } from '../../core/store/task.ts'
import { runTask } from '../../core/store/task.ts'
import { serveTask } from '../serve-task.ts'

serveTask<Task>(runTask)
