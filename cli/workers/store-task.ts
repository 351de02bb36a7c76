import { serveTask } from '../serve-task.ts'

serveTask()
