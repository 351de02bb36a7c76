import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Task, TaskEvent } from '../core/restore/task.ts'
import { startPatience } from './patience.ts'
import { worded } from './terminal-words.ts'
import { workerScript } from './worker-script.ts'

export type TaskEnd = { ended: 'done' } | { ended: 'hung' } | { ended: 'died'; reason: string }

/**
 * Runs a task in a process of its own, which may hang in the kernel with its disk: this one only reads what it says.
 *
 * @param patienceMs without any news for so long it is given up (patience.ts).
 */
export function runStoreTask(
  task: Task,
  patienceMs: number,
  take: (event: TaskEvent) => void,
): Promise<TaskEnd> {
  return new Promise((resolve) => {
    const script = fileURLToPath(workerScript('store-task'))
    const child = fork(script, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    let isDone = false
    const end = (how: TaskEnd) => {
      patience.end()
      resolve(how)
    }
    const patience = startPatience(patienceMs, () => {
      // A process that is stuck in the kernel outlives even this; it is not waited for.
      child.kill('SIGKILL')
      child.unref()
      child.disconnect()
      end({ ended: 'hung' })
    })
    child.on('message', (event) => {
      patience.heard()
      const said = event as TaskEvent
      isDone = ['verified', 'restored', 'computers', 'failed'].includes(said.type)
      take(said)
    })
    child.once('error', (error) => end({ ended: 'died', reason: error.message }))
    child.once('exit', (code, signal) =>
      end(
        isDone
          ? { ended: 'done' }
          : { ended: 'died', reason: signal ?? worded('cli.exitCode', { code: String(code) }) },
      ),
    )
    child.send(task, () => undefined)
  })
}
