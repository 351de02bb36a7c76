import { realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { errorCode, isGone } from '../../../core/platform/system-error.ts'
import type { ScannedFile } from '../../../core/walk/scanned-file.ts'
import { describeUnsendable, walk } from '../../../core/walk/walk.ts'
import { InotifyWatcher } from '../../../core/watch/inotify.ts'
import { openPolling } from '../../../core/watch/polling.ts'
import { openPortable } from '../../../core/watch/portable.ts'
import type { OpenFiles, TreeListener, TreeRequest, TreeWatcher } from '../../../core/watch/tree-watcher.ts'
import { workerScript } from '../cli/command-script.ts'
import { until } from '../until.ts'

export const watcherThread = workerScript('inotify-thread')

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

  /** Where the tree is compared again and again, a file may be reported twice as it is: the ledger offers it once. */
  isNew: (file: ScannedFile) => boolean = () => true
  finished(files: ScannedFile[]): void {
    this.files.push(...files.filter((file) => this.isNew(file)))
  }
  linked(): void {}
  directoriesChanged(): void {}
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
  /** Deleted paths; null: there were too many to name them. */
  readonly deleted: (string | null)[] = []
  gone(paths: readonly string[] | null): void {
    this.deleted.push(...(paths ?? [null]))
  }
  lost(): Promise<void> {
    this.losses += 1
    return this.compare()
  }
  problem(problem: Message): void {
    this.problems.push(problem)
  }
  ended(error: unknown): void {
    if (isGone(errorCode(error))) this.isGone = true
    else this.failures.push(error)
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
  const ledger = await openTreeLedger(request)
  recorder.isNew = ledger.offer
  const watcher = await openPolling(request, recorder, { quietMs })
  onTestFinished(() => watcher.close())
  recorder.compare = async () => {
    // A test may be over, and its directory gone.
    const { unknown, unsendable } = await ledger.compare().catch(() => ({ unknown: [], unsendable: [] }))
    for (const one of unsendable) recorder.problem(describeUnsendable(request.root, one))
    await watcher.examine(unknown)
  }
  return { recorder, watcher }
}

/** Stands for the ledger: knows the files that were there when it was opened, and those that were reported since. */
async function openTreeLedger(request: TreeRequest) {
  const { root, names } = request
  const getKey = ({ path, size, mtimeNs, ctimeNs, inode }: ScannedFile) =>
    [path, size, mtimeNs, ctimeNs, inode].join()
  const list = async () => {
    const found = { files: [] as ScannedFile[], unsendable: [] as Parameters<typeof describeUnsendable>[1][] }
    const filter = createNameFilter(names)
    const { signal } = new AbortController()
    for await (const chunk of walk({ root, base: '', filter, recursive: true, signal })) {
      found.files.push(...chunk.files)
      found.unsendable.push(...chunk.unsendable)
    }
    return found
  }
  const known = new Set((await list()).files.map(getKey))
  return {
    /** False where the file is known as it is. */
    offer(file: ScannedFile): boolean {
      if (known.has(getKey(file))) return false
      known.add(getKey(file))
      return true
    },
    async compare() {
      const before = [...known]
      const { files, unsendable } = await list()
      // As a sender gives up what is gone.
      const there = new Set(files.map(getKey))
      for (const key of before) if (!there.has(key)) known.delete(key)
      const unknown = files.filter((file) => !known.has(getKey(file))).map(({ path }) => path)
      return { unknown, unsendable }
    },
  }
}

/** Creates a file that the watcher reports last, so that whatever came before it would have been told. */
export async function passed(root: string, paths: () => string[]): Promise<void> {
  // Two: a polled comparison under way may list both what was there before and the first file written after.
  for (const name of [`after-${Math.random()}`, `after-${Math.random()}`]) {
    writeFileSync(path.join(root, name), name)
    await until('a later file is reported', () => paths().includes(name))
  }
}
