import { setTimeout as delay } from 'node:timers/promises'
import type { Events } from '../../core/agent/contract.ts'
import { endProcess } from './end-process.ts'
import type { LoadingPage } from './page.ts'

const RELOAD_AFTER_MS = 1_000
/** A page that has drawn nothing by then is shown as it is. */
const DRAWN_WITHIN_MS = 1_000
/** So long a hidden window keeps its page, to be shown at once; then its process gives back the memory. */
const KEPT_MS = 60_000

/** What the page says of itself; page: null where nobody looks at it. */
export interface Showing {
  page: string | null
  /** Something may be half typed. */
  hasForm: boolean
}

/** The window's page: there while somebody wants it and a little longer, loaded anew wherever it has ended. */
export class WindowPage {
  readonly #browser: LoadingPage['browser']
  readonly #load: () => void
  readonly #lastPage: () => Events['show']['page'] | null
  /** What it is to hear once it listens; the last of each event. */
  readonly #waiting = new Map<keyof Events, Events[keyof Events]>()
  #isThere: boolean
  #isWanted: boolean
  #isListening = false
  #hasForm = false
  #drawn: Promise<unknown>
  #hasSpoken: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  /** @param lastPage which of its pages it last showed. */
  constructor({ browser, load, painted }: LoadingPage, lastPage: () => Events['show']['page'] | null) {
    this.#browser = browser
    this.#load = load
    this.#lastPage = lastPage
    this.#isThere = painted !== null
    this.#isWanted = this.#isThere
    this.#drawn = painted ?? Promise.resolve()
    this.#showLast()
    browser.webContents.on('render-process-gone', (_event, { reason }) => {
      this.#isThere = false
      this.#isListening = false
      // It holds no truth of its own: it is simply loaded anew, not too often if it keeps ending.
      if (reason === 'clean-exit' || !this.#isWanted) return
      this.#later(RELOAD_AFTER_MS, () => this.#begin())
    })
  }

  /** Resolves when there is something to be seen, or has not been for too long. */
  async drawn(): Promise<void> {
    await Promise.race([this.#drawn, delay(DRAWN_WITHIN_MS, undefined, { ref: false })])
  }

  /** The window is to be shown. */
  want(): void {
    this.#isWanted = true
    clearTimeout(this.#timer)
    this.#begin()
  }

  /** The window is hidden. */
  rest(): void {
    this.#isWanted = false
    this.#later(KEPT_MS, () => this.#end())
  }

  /** Has it hear this, as soon as it listens. */
  tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    if (this.#browser.isDestroyed()) return
    if (this.#isListening) this.#browser.webContents.send(event, payload)
    else this.#waiting.set(event, payload)
  }

  speaks({ hasForm }: Showing): void {
    this.#hasForm = hasForm
    this.#isListening = true
    this.#hasSpoken()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [event, payload] of waiting) this.tell(event, payload)
  }

  /** No process of it is begun or ended any more. */
  stop(): void {
    this.#isThere = true
    this.#isWanted = false
    clearTimeout(this.#timer)
  }

  #begin(): void {
    if (this.#isThere || this.#browser.isDestroyed()) return
    this.#isThere = true
    this.#drawn = new Promise<void>((resolve) => {
      this.#hasSpoken = resolve
    })
    this.#showLast()
    this.#load()
  }

  #showLast(): void {
    const page = this.#lastPage()
    if (page !== null && !this.#waiting.has('show')) this.#waiting.set('show', { page })
  }

  #end(): void {
    if (this.#hasForm || this.#browser.isDestroyed()) return
    const pid = this.#browser.webContents.getOSProcessId()
    this.#isListening = false
    // Chromium's own way of ending a page looks like a crash to the system, which may keep what was in it.
    if (pid > 0 && this.#isThere) endProcess(pid)
  }

  #later(ms: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(act, ms)
  }
}
