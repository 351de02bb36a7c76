import path from 'node:path'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import type { NamedFile } from '../ledger/ledger-messages.ts'
import { takeBackLedgers } from '../ledger/take-back.ts'
import { throttle, withTimeout } from '../lib/async/timing.ts'
import { message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { RequestInput, WorkerConfig } from '../lib/workers/definition.ts'
import { raisePriority } from '../lib/workers/process.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { findMount, readMounts } from '../platform/mounts.ts'
import { errorText } from '../platform/system-error.ts'
import type { Source } from '../settings/schema.ts'
import { OwnPlaces } from '../walk/own-places.ts'
import { Watchers } from '../watch/open-watcher.ts'
import { examine } from './preview/examine.ts'
import { Previews } from './preview/preview.ts'
import { type Examined, MOST_LOST, type scannerDefinition } from './scanner-messages.ts'
import { RunningSource } from './source.ts'

type Definition = typeof scannerDefinition
type Config = WorkerConfig<Definition>

interface ScannerOptions {
  /** The file that calls runInotifyThread, as this host ships it. */
  watcherThread: URL
  /** For tests. */
  openLedger?: (file: string) => Ledger
}

/**
 * The sender is nudged at most once in this time. In a burst of changes, one nudge for each file would cost three
 * processes about as much as handling the file.
 */
const NUDGE_EVERY_MS = 5
/** At most one report in this time. */
const REPORT_EVERY_MS = 250
/** A request to compare every source is answered within this time, done or not. */
const ANSWER_WITHIN_MS = 30_000

/** Starts the scanner, which puts unsent files into the ledger and marks batch directories. */
export function startScanner(
  options: ScannerOptions,
): (context: WorkerContext<Definition>) => WorkerHandlers<Definition> {
  return (context) => {
    raisePriority()
    const scanner = new Scanner(options, context)
    const previews = new Previews()
    return {
      configure: (config) => scanner.configure(config),
      nudge: () => scanner.nudge(),
      requests: {
        reconcile: async ({ sources }: RequestInput<Definition, 'reconcile'>) => {
          await scanner.reconcile(sources)
          return {}
        },
        release: async ({ source }: RequestInput<Definition, 'release'>) => {
          scanner.findSource(source)?.release()
          return {}
        },
        acceptDeleted: async ({ source }: RequestInput<Definition, 'acceptDeleted'>) => {
          scanner.findSource(source)?.acceptDeleted()
          return {}
        },
        expected: async ({ source, ...query }: RequestInput<Definition, 'expected'>) =>
          scanner.findSource(source)?.expectedFiles(query) ?? {
            files: [],
            counts: { due: 0, missing: 0, late: 0 },
          },
        previewExpected: async ({ source, ...draft }: RequestInput<Definition, 'previewExpected'>) => {
          const running = scanner.findSource(source)
          if (running === undefined) throw new UserError('refuse.noSource')
          return running.previewExpected(draft)
        },
        answerMarked: async ({ source, answer }: RequestInput<Definition, 'answerMarked'>) => {
          await scanner.findSource(source)?.answerMarked(answer)
          return {}
        },
        lost: async ({ source }: RequestInput<Definition, 'lost'>) => ({
          paths: scanner.findSource(source)?.lostPaths(MOST_LOST) ?? [],
        }),
        filesOfInodes: async (asked: RequestInput<Definition, 'filesOfInodes'>) => ({
          files: scanner.findFiles(asked),
        }),
        examine: (asked: RequestInput<Definition, 'examine'>) => scanner.examine(asked),
        preview: ({ source, examples }: RequestInput<Definition, 'preview'>) =>
          previews.run(source, examples, scanner.own),
      },
      stop: () => {
        previews.stop()
        return scanner.stop()
      },
    }
  }
}

/** Settings that all sources share; a change of any of them restarts all sources. */
interface Shared {
  ledgerPath: string
  destinations: readonly string[]
  reconcileSeconds: number
  quietSeconds: number
  own?: readonly string[] | undefined
}

class Scanner {
  readonly #options: ScannerOptions
  readonly #context: WorkerContext<Definition>
  readonly #sources = new Map<string, { settings: string; running: RunningSource }>()
  readonly #changed = new Set<string>()
  readonly #offered = throttle(NUDGE_EVERY_MS, () => this.#context.nudge())
  readonly #reportSoon = throttle(REPORT_EVERY_MS, () => this.#reportChanged())
  #isStopped = false
  #shared: { key: string; ledger: Ledger; watchers: Watchers; own: OwnPlaces; quietSeconds: number } | null =
    null

  constructor(options: ScannerOptions, context: WorkerContext<Definition>) {
    this.#options = options
    this.#context = context
  }

  async configure(config: Config): Promise<void> {
    try {
      await this.#apply(config)
    } catch (error) {
      this.#reportFailed(config, error)
      throw error
    }
  }

  async #apply({ sources, ...shared }: Config): Promise<void> {
    const key = JSON.stringify(shared)
    if (this.#shared?.key !== key) {
      this.#endAll()
      // Without its key until the kept rows are there: a failure is tried again as a whole.
      this.#shared = { key: '', ...this.#open(shared) }
      await this.#takeBack(shared.ledgerPath, sources)
      if (this.#isStopped) return
      this.#shared.key = key
    }
    const wanted = new Map(sources.map((source) => [source.id, source]))
    for (const [id, { settings, running }] of this.#sources) {
      if (JSON.stringify(wanted.get(id)) === settings) continue
      running.stop()
      this.#sources.delete(id)
      this.#changed.delete(id)
    }
    for (const source of sources) {
      if (!this.#sources.has(source.id)) this.#start(source, shared, this.#shared)
    }
  }

  nudge(): void {
    for (const { running } of this.#sources.values()) running.nudge()
  }

  /** Holdfast's own directories and key files; none before the first configuration. */
  get own(): OwnPlaces {
    return this.#shared?.own ?? new OwnPlaces([])
  }

  findSource(id: string): RunningSource | undefined {
    return this.#sources.get(id)?.running
  }

  /** The mount table decides which file system a path is on. */
  findFiles({
    device,
    inodes,
    sources,
    destinations,
    most,
  }: RequestInput<Definition, 'filesOfInodes'>): NamedFile[] {
    const mounts = readMounts() ?? []
    const isThere = ({ source, path: name }: NamedFile) =>
      findMount(mounts, path.join(sources[source] ?? '', name))?.device === device
    const ledger = this.#shared?.ledger
    const found = inodes.flatMap((inode) => ledger?.namesNow(BigInt(inode), destinations) ?? [])
    return found.filter(isThere).slice(0, most)
  }

  /** Looks at one path of a source. A disk that hangs delays the answer for a bounded time only. */
  async examine(asked: RequestInput<Definition, 'examine'>): Promise<Examined> {
    if (this.#shared === null) throw new UserError('agent.workerAway', { worker: 'scanner' })
    return examine(asked, this.#shared)
  }

  /** Compares the sources independently; a source that hangs delays the answer for a bounded time only. */
  async reconcile(only?: readonly string[]): Promise<void> {
    const some = [...this.#sources].filter(([id]) => only === undefined || only.includes(id))
    const all = Promise.all(some.map(([, { running }]) => running.reconcile()))
    await withTimeout(ANSWER_WITHIN_MS, all)
  }

  #reportFailed({ sources, ledgerPath: path }: Config, error: unknown): void {
    const reason = errorText(error)
    const problems = [message('transfer.ledgerFailed', { path, reason })]
    const scanned = sources.map(({ id, paused }) =>
      paused
        ? { id, phase: 'paused' as const, problems: [], batches: [] }
        : { id, phase: 'failed' as const, problems, batches: [] },
    )
    if (scanned.length > 0) this.#context.report({ scanned })
  }

  /** Takes back what an older Holdfast has set aside, before any source is compared with the ledger. */
  async #takeBack(ledgerPath: string, sources: readonly Source[]): Promise<void> {
    const ids = sources.map(({ id }) => id)
    const notices = await takeBackLedgers(ledgerPath, ids, () => !this.#isStopped)
    if (notices.length > 0) this.#context.report({ scanned: [], notices })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#offered.stop()
    this.#reportSoon.stop()
    await this.#endAll()
  }

  #open({ ledgerPath, quietSeconds, own = [] }: Shared) {
    const open = this.#options.openLedger ?? openLedger
    const watchers = new Watchers({
      watcherThread: this.#options.watcherThread,
      quietMs: quietSeconds * 1000,
      log: (text) => this.#context.log('warn', text),
    })
    return { ledger: open(ledgerPath), watchers, own: new OwnPlaces(own), quietSeconds }
  }

  #start(
    source: Source,
    shared: Shared,
    { ledger, watchers, own }: { ledger: Ledger; watchers: Watchers; own: OwnPlaces },
  ): void {
    const running = new RunningSource({
      source,
      ledger,
      destinations: source.destinations ?? shared.destinations,
      reconcileSeconds: shared.reconcileSeconds,
      quietSeconds: shared.quietSeconds,
      openTree: (request, listener, scope) => watchers.open(request, listener, scope),
      own,
      offered: this.#offered,
      changed: () => this.#report(source.id),
      log: (text) => this.#context.log('warn', text),
    })
    this.#sources.set(source.id, { settings: JSON.stringify(source), running })
    this.#report(source.id)
  }

  async #endAll(): Promise<void> {
    for (const { running } of this.#sources.values()) running.stop()
    this.#sources.clear()
    const shared = this.#shared
    this.#shared = null
    await shared?.watchers.stop()
    // Closed last: work under way may use the ledger until the watchers have stopped.
    shared?.ledger.close()
  }

  #report(id: string): void {
    this.#changed.add(id)
    this.#reportSoon()
  }

  #reportChanged(): void {
    const scanned = [...this.#changed].flatMap((changed) => {
      const source = this.#sources.get(changed)
      return source === undefined ? [] : [source.running.scanned()]
    })
    this.#changed.clear()
    if (scanned.length > 0) this.#context.report({ scanned })
  }
}
