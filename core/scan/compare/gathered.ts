import type { FileFacts } from '../tree/facts.ts'

/** In a burst files go into the ledger together this often: each transaction writes the same pages again. */
const TOGETHER_MS = 25
/** As many as one transaction takes. */
const MOST = 128

/** Finished files on their way to the ledger: the first ones at once, those that follow closely together. */
export class Gathered {
  readonly #offer: (files: readonly FileFacts[]) => void
  #files: FileFacts[] = []
  #timer: NodeJS.Timeout | null = null
  #offeredAt = Number.NEGATIVE_INFINITY

  constructor(offer: (files: readonly FileFacts[]) => void) {
    this.#offer = offer
  }

  add(files: readonly FileFacts[]): void {
    this.#files.push(...files)
    const since = performance.now() - this.#offeredAt
    if (since >= TOGETHER_MS || this.#files.length >= MOST) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), TOGETHER_MS - since)
  }

  /** Whoever says that all is in the ledger asks for it first. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#files.length === 0) return
    const files = this.#files
    this.#files = []
    this.#offer(files)
    this.#offeredAt = performance.now()
  }
}
