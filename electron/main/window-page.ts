import { setTimeout as delay } from 'node:timers/promises'
import type { Events } from '../../core/agent/contract.ts'
import { endProcess } from './end-process.ts'
import type { LoadingPage } from './page.ts'

const RELOAD_AFTER_MS = 1_000
/** After this time the page is shown even if nothing is painted yet. */
const DRAWN_WITHIN_MS = 1_000
/** A hidden window keeps its page this long, to be shown at once; then its process ends, to free its memory. */
const KEPT_MS = 60_000

/** The page's report about itself; `page` is null while it is not visible. */
export interface Showing {
  page: string | null
  /** A form may be partly filled in. */
  hasForm: boolean
}

/** Manages the window's page: it is loaded on demand, ended some time after hiding, and reloaded if it crashes. */
export class WindowPage {
  readonly #browser: LoadingPage['browser']
  readonly #load: () => void
  readonly #lastPage: () => Events['show']['page'] | null
  /** Events for the page until it listens; the last one of each kind. */
  readonly #waiting = new Map<keyof Events, Events[keyof Events]>()
  #isThere: boolean
  #isWanted: boolean
  #isListening = false
  #hasForm = false
  #drawn: Promise<unknown>
  #hasSpoken: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  /** @param lastPage returns the page that was shown last. */
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
      // The page holds no state, so it is reloaded, with a delay in case it keeps crashing.
      if (reason === 'clean-exit' || !this.#isWanted) return
      this.#later(RELOAD_AFTER_MS, () => this.#begin())
    })
  }

  /** Resolves after the first paint, or a timeout. */
  async drawn(): Promise<void> {
    await Promise.race([this.#drawn, delay(DRAWN_WITHIN_MS, undefined, { ref: false })])
  }

  /** Called before the window is shown. */
  want(): void {
    this.#isWanted = true
    clearTimeout(this.#timer)
    this.#begin()
  }

  /** Called when the window is hidden. */
  rest(): void {
    this.#isWanted = false
    this.#later(KEPT_MS, () => this.#end())
  }

  /** Sends an event to the page, or queues it until the page listens. */
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

  /** Stops starting and ending the page's process. */
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
    // Chromium's own way of ending a page looks like a crash to the system, which may save its memory.
    if (pid > 0 && this.#isThere) endProcess(pid)
  }

  #later(ms: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(act, ms)
  }
}
