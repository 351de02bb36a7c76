import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type BrowserWindow, screen } from 'electron'
import ElectronStore from 'electron-store'
import type { Events } from '../../core/agent/contract.ts'
import { LEAST_SIZE, type LoadingPage } from './page.ts'
import { PageEvents } from './page-events.ts'
import { WINDOW_PAGE } from './protocol.ts'
import { openWindowMemory, type WindowMemory } from './window-memory.ts'
import { fitted, isReachable, placeToShow, type Rectangle } from './window-place.ts'
import { letZoom } from './zoom.ts'

const RELOAD_AFTER_MS = 1_000
/** A page that has drawn nothing by then is shown as it is. */
const DRAWN_WITHIN_MS = 1_000
/** On some desktops the very click on the tray icon takes the focus away first. */
const JUST_BLURRED_MS = 300
/** So long a hidden window keeps its page, to be shown at once; then it gives back the memory. */
const PAGE_KEPT_MS = 60_000

/** The one window. Its close button hides it. */
export class TrayWindow {
  readonly browser: BrowserWindow
  readonly #memory: WindowMemory
  readonly #events: PageEvents
  readonly #hintAtClose: () => boolean
  #isPlaced: boolean
  #isReleased = false
  #blurredAt = Number.NEGATIVE_INFINITY
  #isLoaded: boolean
  /** Resolves when there is something to be seen. */
  #drawn: Promise<unknown>
  #hasSpoken: () => void = () => undefined
  /** Something may be half typed. */
  #hasForm = false
  #pageKept: NodeJS.Timeout | undefined

  /** @param hintAtClose says, at the first close, that it goes on in the tray; false: it could not be said. */
  constructor(page: LoadingPage, dataDirectory: string, hintAtClose: () => boolean) {
    const { browser } = page
    this.browser = browser
    this.#isLoaded = page.isLoading
    this.#drawn = page.painted
    this.#hintAtClose = hintAtClose
    this.#events = new PageEvents(browser)
    this.#memory = openWindowMemory(
      () => new ElectronStore({ cwd: dataDirectory, name: 'window', clearInvalidConfig: true }),
    )
    this.#showLastPage()
    const remembered = rememberedBounds(this.#memory.bounds())
    this.#isPlaced = remembered !== null
    if (remembered !== null) browser.setBounds(remembered)
    letZoom(browser.webContents)
    // A screen has another size, or another scale.
    screen.on('display-metrics-changed', () => fitToScreen(browser))
    this.#listen()
  }

  /** Resolves when there is something to be seen, or has not been for too long. */
  async drawn(): Promise<void> {
    await Promise.race([this.#drawn, delay(DRAWN_WITHIN_MS, undefined, { ref: false })])
  }

  /** Brings the window forward, near the tray icon where the desktop tells where that is. */
  async show(trayBounds: Rectangle | null): Promise<void> {
    this.#load()
    await this.drawn()
    if (this.browser.isDestroyed() || this.#isReleased) return
    this.#bringForward(trayBounds)
  }

  /** Hides the window if it is before the person, as a click on the tray icon does; otherwise shows it. */
  toggle(trayBounds: Rectangle | null): void {
    const { browser } = this
    const isBefore = browser.isFocused() || performance.now() - this.#blurredAt < JUST_BLURRED_MS
    if (browser.isVisible() && !browser.isMinimized() && isBefore) this.hide()
    else void this.show(trayBounds)
  }

  hide(): void {
    this.browser.hide()
    this.#remember()
    clearTimeout(this.#pageKept)
    this.#pageKept = setTimeout(() => this.#putPageAway(), PAGE_KEPT_MS)
  }

  /** Has its page hear this, as soon as it is there. */
  tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    this.#events.tell(event, payload)
  }

  /** What its page says of itself; page: null where nobody looks at it. */
  showing({ page, hasForm }: { page: string | null; hasForm: boolean }): void {
    this.#hasForm = hasForm
    this.#events.pageListens()
    this.#hasSpoken()
    if (page !== null) this.#memory.remember({ page })
  }

  /**
   * Hides the window for good, and lets it really close: hiding is all that its close button does. Resolves when its
   * place is written, or could not be; on a disk that hangs, never.
   */
  release(): Promise<void> {
    this.#isReleased = true
    if (!this.browser.isDestroyed()) this.hide()
    clearTimeout(this.#pageKept)
    return this.#memory.saved()
  }

  #listen(): void {
    const { browser } = this
    browser.on('blur', () => {
      this.#blurredAt = performance.now()
    })
    browser.on('close', (event) => {
      if (this.#isReleased) return
      // Before anything that can fail: a window that has really closed cannot be shown again.
      event.preventDefault()
      this.hide()
      if (!this.#memory.closeHinted() && this.#hintAtClose()) this.#memory.remember({ closeHinted: true })
    })
    browser.on('page-title-updated', (event) => event.preventDefault())
    browser.webContents.on('render-process-gone', (_event, { reason }) => {
      this.#isLoaded = false
      this.#events.pageIsGone()
      // The page holds no truth of its own: it is simply loaded anew, not too often if it keeps ending.
      if (reason !== 'clean-exit' && !browser.isDestroyed() && browser.isVisible())
        setTimeout(() => this.#load(), RELOAD_AFTER_MS)
    })
  }

  #load(): void {
    if (this.#isLoaded || this.browser.isDestroyed()) return
    this.#isLoaded = true
    this.#drawn = new Promise<void>((resolve) => {
      this.#hasSpoken = resolve
    })
    this.#showLastPage()
    void this.browser.loadURL(WINDOW_PAGE)
  }

  #showLastPage(): void {
    const page = this.#memory.page()
    if (page !== null) this.#events.tell('show', { page })
  }

  #putPageAway(): void {
    if (this.browser.isDestroyed() || this.browser.isVisible() || this.#hasForm) return
    if (this.#isLoaded) this.browser.webContents.forcefullyCrashRenderer()
  }

  #remember(): void {
    // One that was never shown has no place that anybody has chosen.
    if (!this.#isPlaced || this.browser.isDestroyed()) return
    const bounds = this.browser.getNormalBounds()
    // Shown again while it fills the screen, X11 takes the screen's bounds for its normal ones.
    const isLost = fillsScreen(this.browser) && isDeepStrictEqual(bounds, this.browser.getBounds())
    if (!isLost) this.#memory.remember({ bounds })
  }

  #bringForward(trayBounds: Rectangle | null): void {
    const { browser } = this
    if (browser.isMinimized()) browser.restore()
    const near = screen.getDisplayNearestPoint(trayBounds ?? screen.getCursorScreenPoint()).workArea
    const seen = {
      bounds: browser.getBounds(),
      isPlaced: this.#isPlaced,
      fillsScreen: fillsScreen(browser),
    }
    const place = placeToShow(seen, trayBounds, near, workAreas())
    if (place !== null) browser.setPosition(place.x, place.y)
    fitToScreen(browser)
    this.#isPlaced = true
    browser.show()
    browser.focus()
  }
}

/** null: there are none, or the screen that they were on is gone. */
function rememberedBounds(bounds: Rectangle | null): Rectangle | null {
  return bounds !== null && isReachable(bounds, workAreas()) ? bounds : null
}

/** A window is never larger than its screen's work area. */
function fitToScreen(browser: BrowserWindow): void {
  if (browser.isDestroyed() || fillsScreen(browser)) return
  const bounds = browser.getBounds()
  const { workArea } = screen.getDisplayMatching(bounds)
  browser.setMinimumSize(
    Math.min(LEAST_SIZE.width, workArea.width),
    Math.min(LEAST_SIZE.height, workArea.height),
  )
  const wanted = fitted(bounds, workArea)
  if (!isDeepStrictEqual(wanted, bounds)) browser.setBounds(wanted)
}

const fillsScreen = (browser: BrowserWindow) => browser.isMaximized() || browser.isFullScreen()

const workAreas = () => screen.getAllDisplays().map(({ workArea }) => workArea)
