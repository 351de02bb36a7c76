import type { BrowserWindow } from 'electron'
import type { Events } from '../../core/agent/contract.ts'
import { sendEvent } from './ipc.ts'

/** What the page is to hear: while it is not there yet, or again, the last of each event waits for it. */
export class PageEvents {
  readonly #browser: BrowserWindow
  readonly #waiting = new Map<keyof Events, () => void>()
  #isListening = false

  constructor(browser: BrowserWindow) {
    this.#browser = browser
  }

  get isListening(): boolean {
    return this.#isListening
  }

  tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    const send = () => sendEvent(this.#browser, event, payload)
    if (this.#isListening) send()
    else this.#waiting.set(event, send)
  }

  pageListens(): void {
    this.#isListening = true
    for (const send of this.#waiting.values()) send()
    this.#waiting.clear()
  }

  pageIsGone(): void {
    this.#isListening = false
  }
}
