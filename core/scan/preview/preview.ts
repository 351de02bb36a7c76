import { realpath } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import {
  createNameFilter,
  leftOutBySize,
  type NameFilter,
  oldEnoughAt,
  toNameRules,
} from '../../filter/exclusion-rules.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Source } from '../../settings/schema.ts'
import type { OwnPlaces } from '../../walk/own-places.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import { callOn, type WalkChunk, walkRegions } from '../../walk/walk.ts'
import type { LeftOutReason, Preview } from '../scanner-messages.ts'

/** Time limit of a preview; after it the result is the part counted so far. */
const WITHIN_MS = 10_000

/** Excludes nothing: the preview also counts files in excluded directories. */
const EVERYTHING: NameFilter = {
  file: () => null,
  directory: () => null,
  fileBelow: () => null,
  findPattern: () => null,
}

/** A rule that excludes a file, with its pattern, since a source may have many. */
interface Rule {
  reason: LeftOutReason
  pattern: string | null
}

/** Returns the function that finds the rule by which a file is excluded or delayed, by name, size and age; pure. */
export function createRuleFinder(source: Source, now: number): (file: ScannedFile) => Rule | 'own' | null {
  const names = createNameFilter(toNameRules(source))
  const rule = (reason: LeftOutReason): Rule => ({ reason, pattern: null })
  return (file) => {
    const { path, size } = file
    const byName = names.fileBelow(path)
    if (byName === 'own') return 'own'
    if (byName === 'ignored') return { reason: 'ignored', pattern: names.findPattern(path) }
    if (byName !== null) return rule(byName)
    const bySize = leftOutBySize(source, size)
    if (bySize !== null) return rule(bySize)
    return oldEnoughAt(source.minimumAgeSeconds, file, now) > now ? rule('too-young') : null
  }
}

/** Sums up a walk. Its memory is bounded by the number of rules and examples, whatever the tree's size. */
class Tally {
  readonly #judge: ReturnType<typeof createRuleFinder>
  readonly #mostExamples: number
  readonly #kept = { files: 0, bytes: 0 }
  readonly #leftOut = new Map<string, Rule & { files: number; bytes: number }>()
  readonly #examples: Preview['examples'] = []

  constructor(source: Source, examples: number) {
    this.#judge = createRuleFinder(source, Date.now())
    this.#mostExamples = examples
    // Include patterns that exclude nothing: they may be mistakes. Comments and exceptions never exclude a file.
    const patterns = source.ignore.filter((line) => !/^[#!]/.test(line) && line.trim() !== '')
    for (const pattern of patterns) this.#getSum({ reason: 'ignored', pattern })
  }

  add({ files, skipped, unsendable }: WalkChunk): void {
    for (const file of files) {
      const rule = this.#judge(file)
      if (rule === 'own') continue
      if (rule !== null) this.#leave(rule, file.path, file.size)
      else {
        this.#kept.files += 1
        this.#kept.bytes += file.size
      }
    }
    for (const { path, why } of skipped)
      if (why !== 'own-place')
        this.#leave({ reason: why === 'not-a-file' ? why : 'mounted', pattern: null }, path, 0)
    for (const { path } of unsendable) this.#leave({ reason: 'unreadable', pattern: null }, path, 0)
  }

  result(ended: Preview['ended']): Preview {
    return {
      ended,
      kept: this.#kept,
      leftOut: [...this.#leftOut.values()].sort((one, other) => other.files - one.files),
      examples: this.#examples,
    }
  }

  #leave(rule: Rule, path: string, size: number): void {
    const sum = this.#getSum(rule)
    sum.files += 1
    sum.bytes += size
    if (this.#examples.length < this.#mostExamples) this.#examples.push({ path, size, ...rule })
  }

  #getSum(rule: Rule): { files: number; bytes: number } {
    const key = `${rule.reason} ${rule.pattern ?? ''}`
    const sum = this.#leftOut.get(key) ?? { ...rule, files: 0, bytes: 0 }
    this.#leftOut.set(key, sum)
    return sum
  }
}

/**
 * Tries filters on sources without changing anything. A newer preview of a source ends the previous one. On a disk that
 * hangs the calls stay blocked (callOn), but the answer comes within the time limit.
 */
export class Previews {
  readonly #running = new Map<string, AbortController>()
  readonly #withinMs: number

  constructor(withinMs = WITHIN_MS) {
    this.#withinMs = withinMs
  }

  /**
   * Returns what the source's filters would exclude. Resolves within the time limit in any case.
   * @param own is never sent, and not counted.
   * @throws UserError scan.list.failed if the source's directory cannot be listed.
   */
  async run(source: Source, examples: number, own: OwnPlaces): Promise<Preview> {
    this.#running.get(source.id)?.abort('superseded')
    const abort = new AbortController()
    this.#running.set(source.id, abort)
    const late = setTimeout(() => abort.abort('time'), this.#withinMs)
    const tally = new Tally(source, examples)
    const over = new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()))
    try {
      await Promise.race([count(source, own, tally, abort.signal), over])
    } finally {
      clearTimeout(late)
      if (this.#running.get(source.id) === abort) this.#running.delete(source.id)
    }
    if (!abort.signal.aborted) return tally.result('complete')
    return tally.result(abort.signal.reason === 'superseded' ? 'superseded' : 'time')
  }

  /** Ends all walks. */
  stop(): void {
    for (const abort of this.#running.values()) abort.abort('superseded')
  }
}

async function count(source: Source, own: OwnPlaces, tally: Tally, signal: AbortSignal): Promise<void> {
  const { path } = source
  try {
    // Mount points are known by their real paths.
    const root = await callOn(path, () => realpath(path))
    const scope = { oneFileSystem: source.oneFileSystem, away: () => [] }
    await own.refresh()
    const options = { root, base: '', filter: EVERYTHING, signal, scope, own }
    for await (const chunk of walkRegions(options)) {
      if (signal.aborted) return
      tally.add(chunk)
      // Lets the watchers of this process run in between.
      await turn()
    }
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    throw new UserError('scan.list.failed', { path, reason: code }, { cause: error })
  }
}
