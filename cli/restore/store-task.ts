import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import type { Task, TaskEvent } from '../../core/restore/task.ts'
import { translate } from '../terminal/terminal-words.ts'
import { workerScript } from '../worker-script.ts'
import { startPatience } from './patience.ts'

/**
 * Runs a task in a child process, which may hang in the kernel with its disk; this process only reads its events.
 *
 * @param store the store's name for messages.
 * @param seconds timeout without events (patience.ts).
 * @returns why the task failed; null if it succeeded.
 */
export function runStoreTask(
  task: Task,
  store: string,
  seconds: number,
  take: (event: TaskEvent) => void,
): Promise<Message | null> {
  return new Promise((resolve) => {
    const script = fileURLToPath(workerScript('store-task'))
    const child = fork(script, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    let isDone = false
    const end = (why: Message | null) => {
      patience.end()
      resolve(why)
    }
    const died = (reason: string) => end(message('store.died', { path: store, reason }))
    const patience = startPatience(seconds * 1000, () => {
      // A process that is stuck in the kernel survives even SIGKILL: it is not waited for.
      child.kill('SIGKILL')
      child.unref()
      child.disconnect()
      end(message('store.hung', { path: store, seconds }))
    })
    child.on('message', (event) => {
      patience.heard()
      const said = event as TaskEvent
      isDone = ['verified', 'restored', 'computers', 'failed'].includes(said.type)
      take(said)
    })
    child.once('error', (error) => died(error.message))
    // After 'exit' messages may still wait; 'close' follows the last one.
    child.once('close', (code, signal) => {
      if (isDone) end(null)
      else died(signal ?? translate('cli.exitCode', { code: String(code) }))
    })
    child.send(task, () => undefined)
  })
}
