import type { LibraryTask } from '../../core/restore/task.ts'
import { runLibraryTask } from '../../core/restore/task.ts'
import { serveTask } from '../serve-task.ts'

serveTask<LibraryTask>(runLibraryTask)
