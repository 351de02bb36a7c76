import { createNameFilter } from '../filter/exclusion-rules.ts'
import { withTimeout } from '../lib/async/timing.ts'
import { message } from '../lib/i18n/message.ts'
import { isWithin, type MountTable } from '../platform/mounts.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'
import { absolutePath } from '../walk/scanned-file.ts'
import { type Layout, layOut, type MountScope, type Region } from '../walk/walk.ts'
import {
  isReopenNeeded,
  type OpenTree,
  type TreeListener,
  type TreeRequest,
  type TreeWatcher,
} from './tree-watcher.ts'

/** Limit of the delay that a file system that hangs causes in a listing of the whole source. */
const PATIENCE_MS = 30_000

interface MountedTreeOptions {
  scope: MountScope
  table: MountTable
  /** Opens one region with the watcher that its file system needs. */
  openRegion: OpenTree
}

interface Inner {
  readonly region: Region
  /** null while it is being opened, and after that failed. */
  watcher: TreeWatcher | null
  opening: boolean
  closed: boolean
}

/**
 * Watches a tree with everything that is mounted inside it, including file systems that are mounted and unmounted
 * while it runs. Each file system is watched separately: it gets the watcher that it needs, and if it hangs, it delays
 * only itself.
 */
export class MountedTree implements TreeWatcher {
  readonly #request: TreeRequest
  readonly #listener: TreeListener
  readonly #options: MountedTreeOptions
  readonly #isIgnored: (path: string) => boolean
  readonly #inner = new Map<string, Inner>()
  #own: TreeWatcher | null = null
  #endTable: (() => void) | null = null
  /** Directories that the watcher of the tree's own file system does not enter. */
  #leaveOut = ''
  /** Directories that were left out on request, on any file system. */
  #unwanted: ReadonlySet<string>
  #closed = false

  constructor(request: TreeRequest, listener: TreeListener, options: MountedTreeOptions) {
    this.#request = request
    this.#listener = listener
    this.#options = options
    const filter = createNameFilter(request.names)
    this.#unwanted = new Set(request.leaveOut)
    this.#isIgnored = (path) => filter.directory(path) !== null || this.#unwanted.has(path)
  }

  get method(): TreeWatcher['method'] {
    return this.#own?.method ?? 'watching'
  }

  async open(): Promise<this> {
    // Before the layout: a mount made in between is noticed by the next reading of the table.
    this.#endTable = this.#options.table.onChange(() => this.#mountsChanged())
    const [own, ...inner] = this.#layOut()
    try {
      this.#leaveOut = own.leaveOut.join('\0')
      this.#own = await this.#options.openRegion({ ...this.#request, leaveOut: own.leaveOut }, this.#listener)
    } catch (error) {
      this.close()
      throw error
    }
    for (const region of inner) this.#openInner(region)
    // Mounts made during the opening have been ignored so far.
    this.#mountsChanged()
    return this
  }

  async examine(paths: readonly string[]): Promise<void> {
    const byInner = Map.groupBy(paths, (path) => this.#findInner(path))
    await Promise.all(
      [...byInner].map(([inner, list]) => {
        if (inner === null) return this.#own?.examine(list)
        // A region that is not open yet causes a comparison of its tree once it is.
        return inner.watcher === null ? undefined : withTimeout(PATIENCE_MS, inner.watcher.examine(list))
      }),
    )
  }

  refresh(): void {
    // First read the table: a listing must not enter what was mounted in the last second.
    this.#options.table.look()
    this.#mountsChanged()
    this.#own?.refresh()
    for (const inner of [...this.#inner.values()]) {
      if (inner.watcher !== null) inner.watcher.refresh()
      else if (!inner.opening) this.#openInner(inner.region)
    }
  }

  leaveOut(directories: readonly string[]): void {
    this.#unwanted = new Set(directories)
    this.#mountsChanged()
  }

  close(): void {
    this.#closed = true
    this.#endTable?.()
    this.#own?.close()
    for (const inner of [...this.#inner.values()]) this.#closeInner(inner)
  }

  /** Divides the tree into regions, its own first. */
  #layOut(): Layout['regions'] {
    const { root, base } = this.#request
    const { scope, table } = this.#options
    const { regions } = layOut({ root, base, scope, isIgnored: this.#isIgnored, mounts: table.mounts })
    // An inner file system that is left out on request is no region, and requests never name directories inside one.
    regions[0].leaveOut.push(...this.#unwanted)
    return regions
  }

  #mountsChanged(): void {
    if (this.#closed || this.#own === null) return
    const [own, ...inner] = this.#layOut()
    const wanted = new Set(inner.map((region) => JSON.stringify(region)))
    for (const known of [...this.#inner.values()])
      if (!wanted.has(JSON.stringify(known.region))) this.#closeInner(known)
    const leaveOut = own.leaveOut.join('\0')
    if (leaveOut !== this.#leaveOut) {
      this.#leaveOut = leaveOut
      this.#own.leaveOut(own.leaveOut)
    }
    for (const region of inner) if (!this.#inner.has(region.base)) this.#openInner(region)
  }

  /** Opens an inner region without delaying the rest, as its file system may hang; then its tree is compared. */
  #openInner(region: Region): void {
    const inner: Inner = { region, watcher: null, opening: true, closed: false }
    this.#inner.set(region.base, inner)
    const { root } = this.#request
    const place = absolutePath(root, region.base)
    const request = { ...this.#request, base: region.base, leaveOut: region.leaveOut, place }
    const failed = (error: unknown) => {
      if (inner.closed) return
      inner.watcher = null
      // It was unmounted just now, as the table will show; or it is opened again at the next comparison.
      if (isGone(errorCode(error))) return
      const reason = errorText(error)
      this.#listener.problem(message('scan.watchFailed', { path: place, reason }))
    }
    const ended = (error: unknown) => {
      if (!isReopenNeeded(error)) return failed(error)
      this.#closeInner(inner)
      this.#options.table.look()
      // If the table is unchanged, it was mounted again already, or events were lost.
      this.#mountsChanged()
    }
    const listener: TreeListener = { ...this.#listener, entriesChanged: () => undefined, ended }
    this.#options
      .openRegion(request, listener)
      .then((watcher) => {
        inner.opening = false
        if (inner.closed) return watcher.close()
        inner.watcher = watcher
        void this.#listener.lost(region.base)
      })
      .catch((error) => {
        inner.opening = false
        failed(error)
      })
  }

  #closeInner(inner: Inner): void {
    inner.closed = true
    inner.watcher?.close()
    if (this.#inner.get(inner.region.base) === inner) this.#inner.delete(inner.region.base)
  }

  #findInner(path: string): Inner | null {
    let best: Inner | null = null
    for (const inner of this.#inner.values()) {
      const { base } = inner.region
      if (isWithin(path, base) && (best === null || base.length > best.region.base.length)) best = inner
    }
    return best
  }
}
