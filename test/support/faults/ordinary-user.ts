import { execFileSync, fork } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Task, TaskEvent } from '../../../core/restore/task.ts'
import { workerScript } from '../cli/command-script.ts'

/** nobody of Debian: root alone may become another user. */
export const USER = 65_534
export const canBeOrdinary = process.getuid?.() === 0

/** Lets the other user reach the project, which may lie in a directory that mktemp(1) has made. */
export function letOthersIn(file: string): void {
  for (let at = path.dirname(file); at !== path.dirname(at); at = path.dirname(at)) {
    const { mode } = statSync(at)
    if ((mode & 0o001) === 0) chmodSync(at, (mode & 0o7777) | 0o001)
  }
}

/** Gives directories with all that is below them to the ordinary user. */
export function giveAway(...directories: string[]): void {
  for (const directory of directories) letOthersIn(path.join(directory, 'below'))
  execFileSync('chown', ['-R', `${USER}:${USER}`, ...directories])
}

/** Runs a task as `holdfast restore` does, in a process of the ordinary user; gives all that it reports. */
export async function runTaskAsUser(task: Task): Promise<TaskEvent[]> {
  letOthersIn(process.execPath)
  const script = fileURLToPath(workerScript('store-task'))
  letOthersIn(script)
  const child = fork(script, {
    uid: USER,
    gid: USER,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const events: TaskEvent[] = []
  child.on('message', (event) => void events.push(event as TaskEvent))
  child.send(task)
  await new Promise((resolve) => child.once('exit', resolve))
  return events
}
