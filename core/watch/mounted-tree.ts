import { createNameFilter } from '../filter/names.ts'
import { withTimeout } from '../lib/async/with-timeout.ts'
import { message } from '../lib/i18n/message.ts'
import type { MountTable } from '../platform/mounts/mount-table.ts'
import { isWithin } from '../platform/mounts/mountinfo.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'
import { type Layout, layOut, type MountScope, type Region } from '../walk/regions.ts'
import { absolutePath } from '../walk/scanned-file.ts'
import {
  isToBeOpenedAnew,
  type OpenTree,
  type TreeListener,
  type TreeRequest,
  type TreeWatcher,
} from './tree-watcher.ts'

/** A file system that hangs keeps a listing of the whole source waiting for so long at most. */
const PATIENCE_MS = 30_000

export interface MountedTreeOptions {
  scope: MountScope
  table: MountTable
  /** Opens one region by what its file system needs. */
  openRegion: OpenTree
}

interface Inner {
  readonly region: Region
  /** null while it is being opened, and after it failed. */
  watcher: TreeWatcher | null
  opening: boolean
  closed: boolean
}

/**
 * Watches a tree with everything that is mounted inside it, also what is mounted and unmounted while it runs:
 * each file system by itself, so that each has the watcher that it needs, and one that hangs holds up itself.
 */
export class MountedTree implements TreeWatcher {
  readonly #request: TreeRequest
  readonly #listener: TreeListener
  readonly #options: MountedTreeOptions
  readonly #isIgnored: (path: string) => boolean
  readonly #inner = new Map<string, Inner>()
  #own: TreeWatcher | null = null
  #endTable: (() => void) | null = null
  /** What the tree's own file system leaves out. */
  #leaveOut = ''
  /** What was asked to be left out, of whatever file system. */
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
    // Before the layout: what is mounted in between is noticed by the next reading of the table.
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
    // What was mounted while it was opened has been told to nobody.
    this.#mountsChanged()
    return this
  }

  async examine(paths: readonly string[]): Promise<void> {
    const byInner = Map.groupBy(paths, (path) => this.#innerOf(path))
    await Promise.all(
      [...byInner].map(([inner, list]) => {
        if (inner === null) return this.#own?.examine(list)
        // One that is not open yet has the tree compared once it is.
        return inner.watcher === null ? undefined : withTimeout(PATIENCE_MS, inner.watcher.examine(list))
      }),
    )
  }

  refresh(): void {
    // First: a listing must not enter what was mounted in the last second.
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

  /** The tree's own region first. */
  #layOut(): Layout['regions'] {
    const { root, base } = this.#request
    const { scope, table } = this.#options
    const { regions } = layOut({ root, base, scope, isIgnored: this.#isIgnored, mounts: table.mounts })
    // An inner file system that was asked to be left out is none, and nothing in one ever is.
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

  /** Opens it beside everything else, as its file system may hang; then the tree is compared. */
  #openInner(region: Region): void {
    const inner: Inner = { region, watcher: null, opening: true, closed: false }
    this.#inner.set(region.base, inner)
    const { root } = this.#request
    const place = absolutePath(root, region.base)
    const request = { ...this.#request, base: region.base, leaveOut: region.leaveOut, place }
    const failed = (error: unknown) => {
      if (inner.closed) return
      inner.watcher = null
      // Unmounted in this moment, as the table will say; or tried again at the next comparison.
      if (isGone(errorCode(error))) return
      const reason = errorText(error)
      this.#listener.problem(message('scan.watchFailed', { path: place, reason }))
    }
    const ended = (error: unknown) => {
      if (!isToBeOpenedAnew(error)) return failed(error)
      this.#closeInner(inner)
      this.#options.table.look()
      // If the table reads as before, it was mounted again already, or events were lost.
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

  #innerOf(path: string): Inner | null {
    let best: Inner | null = null
    for (const inner of this.#inner.values()) {
      const { base } = inner.region
      if (isWithin(path, base) && (best === null || base.length > best.region.base.length)) best = inner
    }
    return best
  }
}
