import { realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { errorCode, isGone } from '../../core/files/system-error.ts'
import { createNameFilter } from '../../core/filter/names.ts'
import type { ScannedFile } from '../../core/scan/tree/facts.ts'
import { unsendableWords } from '../../core/scan/tree/unsendable.ts'
import { walk } from '../../core/scan/tree/walk.ts'
import { InotifyWatcher } from '../../core/scan/watch/inotify.ts'
import { openPolling } from '../../core/scan/watch/polling.ts'
import { openPortable } from '../../core/scan/watch/portable.ts'
import type { OpenFiles, TreeListener, TreeRequest, TreeWatcher } from '../../core/scan/watch/tree-watcher.ts'
import type { Message } from '../../core/words/message.ts'
import { until } from './until.ts'

export const watcherThread = new URL('../../cli/workers/inotify-thread.ts', import.meta.url)

/** Everything that a watcher told. */
export class Recorder implements TreeListener {
  readonly files: ScannedFile[] = []
  readonly marks: string[] = []
  /** What a session does when it is told of a loss. */
  compare: () => Promise<void> = async () => undefined
  readonly problems: Message[] = []
  readonly failures: unknown[] = []
  losses = 0
  changes = 0
  isGone = false

  get paths(): string[] {
    return this.files.map(({ path }) => path)
  }

  finished(files: ScannedFile[]): void {
    this.files.push(...files)
  }
  linked(): void {}
  open: OpenFiles = { files: 0, since: 0, path: '' }
  writing(_base: string, open: OpenFiles): void {
    this.open = open
  }
  mark(path: string): void {
    this.marks.push(path)
  }
  entriesChanged(): void {
    this.changes += 1
  }
  lost(): Promise<void> {
    this.losses += 1
    return this.compare()
  }
  problem(problem: Message): void {
    this.problems.push(problem)
  }
  ended(thrown: unknown): void {
    if (isGone(errorCode(thrown))) this.isGone = true
    else this.failures.push(thrown)
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
  if (implementation === 'chokidar') {
    const watcher = await openPortable(request, recorder, { quietMs })
    onTestFinished(() => watcher.close())
    return { recorder, watcher }
  }
  const isNew = await compared(request)
  const watcher = await openPolling(request, recorder, { quietMs })
  onTestFinished(() => watcher.close())
  recorder.compare = async () => {
    // A test may be over, and its directory gone.
    const { unknown, unsendable } = await isNew(recorder.files).catch(() => ({ unknown: [], unsendable: [] }))
    for (const one of unsendable) recorder.problem(unsendableWords(request.root, one))
    await watcher.examine(unknown)
  }
  return { recorder, watcher }
}

/** Stands for the comparison with the ledger: what was there when it began is known, and what was reported since. */
async function compared(request: TreeRequest) {
  const { root, names } = request
  const keyOf = ({ path, size, mtimeNs, ctimeNs, inode }: ScannedFile) =>
    [path, size, mtimeNs, ctimeNs, inode].join()
  const list = async () => {
    const found = { files: [] as ScannedFile[], unsendable: [] as Parameters<typeof unsendableWords>[1][] }
    const filter = createNameFilter(names)
    const { signal } = new AbortController()
    for await (const chunk of walk({ root, base: '', filter, recursive: true, signal })) {
      found.files.push(...chunk.files)
      found.unsendable.push(...chunk.unsendable)
    }
    return found
  }
  let known = new Set((await list()).files.map(keyOf))
  let taken = 0
  return async (reported: readonly ScannedFile[]) => {
    const { files, unsendable } = await list()
    // As a sender gives up what is gone.
    known = new Set(files.map(keyOf).filter((key) => known.has(key)))
    for (const one of reported.slice(taken)) known.add(keyOf(one))
    taken = reported.length
    const unknown = files.filter((file) => !known.has(keyOf(file))).map(({ path }) => path)
    return { unknown, unsendable }
  }
}

/** Creates a file that the watcher reports last, so that whatever came before it would have been told. */
export async function passed(root: string, paths: () => string[]): Promise<void> {
  const name = `after-${Math.random()}`
  writeFileSync(path.join(root, name), name)
  await until('a later file is reported', () => paths().includes(name))
}
