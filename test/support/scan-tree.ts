import { realpathSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import type { FileFacts } from '../../core/scan/tree/facts.ts'
import { InotifyWatcher } from '../../core/scan/watch/inotify.ts'
import { openPolling } from '../../core/scan/watch/polling.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from '../../core/scan/watch/tree-watcher.ts'
import { openWithoutInotify } from '../../core/scan/watch/without-inotify.ts'
import type { Message } from '../../core/words/message.ts'

export const watcherThread = new URL('../../cli/workers/inotify-thread.ts', import.meta.url)

/** Everything that a watcher told. */
export class Recorder implements TreeListener {
  readonly files: FileFacts[] = []
  readonly marks: string[] = []
  readonly polled: string[] = []
  readonly problems: Message[] = []
  readonly failures: unknown[] = []
  losses = 0
  changes = 0
  unwatchedCount = 0
  isGone = false

  get paths(): string[] {
    return this.files.map(({ path }) => path)
  }

  finished(files: FileFacts[]): void {
    this.files.push(...files)
  }
  mark(path: string): void {
    this.marks.push(path)
  }
  entriesChanged(): void {
    this.changes += 1
  }
  lost(): void {
    this.losses += 1
  }
  async poll(directories: string[]): Promise<void> {
    this.polled.push(...directories)
  }
  unwatched(count: number): void {
    this.unwatchedCount = count
  }
  problem(problem: Message): void {
    this.problems.push(problem)
  }
  gone(): void {
    this.isGone = true
  }
  failed(thrown: unknown): void {
    this.failures.push(thrown)
  }
}

export interface Opened {
  recorder: Recorder
  watcher: TreeWatcher
}

export type Implementation = 'inotify' | 'chokidar' | 'polling'

/** Opens a watched tree of one implementation; it is closed when the test is over. */
export async function openTree(
  implementation: Implementation,
  directory: string,
  options: Partial<TreeRequest> = {},
  quietMs = 120,
): Promise<Opened> {
  const recorder = new Recorder()
  const request: TreeRequest = {
    root: realpathSync(directory),
    base: '',
    names: { ignore: [], marks: [] },
    ...options,
  }
  if (implementation === 'inotify') {
    const thread = new InotifyWatcher(watcherThread, quietMs)
    onTestFinished(() => thread.stop())
    return { recorder, watcher: await thread.open(request, recorder) }
  }
  const open = implementation === 'polling' ? openPolling : openWithoutInotify
  const watcher = await open(request, recorder, { quietMs })
  onTestFinished(() => watcher.close())
  return { recorder, watcher }
}
