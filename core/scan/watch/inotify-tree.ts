import type { NameFilter } from '../../filter/names.ts'
import { createNameFilter } from '../../filter/names.ts'
import { joinRelative } from '../tree/facts.ts'
import type { Watches } from './inotify-watches.ts'
import type { TreeRequest } from './tree-watcher.ts'

/** One watched (or not yet watchable) directory; the tree's shape gives its path, so a rename costs nothing. */
export interface Directory {
  readonly tree: Tree
  readonly parent: Directory | null
  readonly name: string
  /** The watch's number; -1 while there is none. */
  wd: number
  readonly children: Map<string, Directory>
}

/** One tree that the main thread asked for. */
export interface Tree {
  readonly id: number
  readonly request: TreeRequest
  readonly filter: NameFilter
  /** Of an inotify instance of its own: two trees may show one directory, and each instance has one watch of it. */
  readonly watches: Watches
  readonly root: Directory
  /** Paths of directories that are not entered. */
  leaveOut: ReadonlySet<string>
  /** Directories that have no watch. */
  readonly unwatched: Set<Directory>
  /** How many were told last. */
  toldUnwatched: number
  /** initial: directories are found and watched, files are the reconciliation's; then everything counts. */
  stage: 'initial' | 'ready'
  /** Directories of it that wait to be listed. */
  listing: number
  /** Events were lost: said when every directory has a watch again, so that a comparison misses nothing. */
  lost: boolean
}

export function createTree(id: number, request: TreeRequest, watches: Watches): Tree {
  const children = new Map<string, Directory>()
  const tree: Omit<Tree, 'root'> & { root?: Directory } = {
    id,
    request,
    filter: createNameFilter(request.names),
    watches,
    leaveOut: new Set(request.leaveOut ?? []),
    unwatched: new Set(),
    toldUnwatched: 0,
    stage: 'initial',
    listing: 0,
    lost: false,
  }
  // The root and its tree name each other: one of the two has to be completed afterwards.
  const whole = tree as Tree & { root: Directory }
  whole.root = { tree: whole, parent: null, name: request.base, wd: -1, children }
  return whole
}

/** The directory's path relative to the source. */
export function pathOf(directory: Directory): string {
  const names: string[] = []
  for (let at: Directory | null = directory; at !== null; at = at.parent) names.push(at.name)
  return names.reverse().reduce(joinRelative, '')
}

/** The directory and all below it, parents first. */
export function* subtree(directory: Directory): Generator<Directory> {
  const pending = [directory]
  for (;;) {
    const next = pending.pop()
    if (next === undefined) return
    yield next
    pending.push(...next.children.values())
  }
}

/** False once the directory, or one above it, was dropped from its tree. */
export function isAttached(directory: Directory): boolean {
  for (let at = directory; at.parent !== null; at = at.parent) {
    if (at.parent.children.get(at.name) !== at) return false
  }
  return true
}

/** The directory at a path relative to the source, if the tree knows it. */
export function directoryAt(tree: Tree, path: string): Directory | null {
  const { base } = tree.request
  if (path === base) return tree.root
  const below = base === '' ? path : path.slice(base.length + 1)
  let at: Directory | undefined = tree.root
  for (const name of below.split('/')) at = at?.children.get(name)
  return at ?? null
}
