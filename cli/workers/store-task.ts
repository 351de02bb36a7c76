import { serveTask } from '../restore/serve-task.ts'

serveTask()
