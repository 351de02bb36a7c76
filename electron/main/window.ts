import { isDeepStrictEqual } from 'node:util'
import { type BrowserWindow, screen } from 'electron'
import ElectronStore from 'electron-store'
import type { Events } from '../../core/agent/contract.ts'
import { LEAST_SIZE, type LoadingPage } from './page.ts'
import { openWindowMemory, type WindowMemory } from './window-memory.ts'
import { type Showing, WindowPage } from './window-page.ts'
import { fitted, isReachable, placeToShow, type Rectangle } from './window-place.ts'
import { letZoom } from './zoom.ts'

/** On some desktops the very click on the tray icon takes the focus away first. */
const JUST_BLURRED_MS = 300

/** The one window. Its close button hides it. */
export class TrayWindow {
  readonly browser: BrowserWindow
  readonly #memory: WindowMemory
  readonly #page: WindowPage
  readonly #hintAtClose: () => boolean
  #isPlaced: boolean
  #isReleased = false
  #blurredAt = Number.NEGATIVE_INFINITY

  /** @param hintAtClose says, at the first close, that it goes on in the tray; false: it could not be said. */
  constructor(page: LoadingPage, dataDirectory: string, hintAtClose: () => boolean) {
    const { browser } = page
    this.browser = browser
    this.#hintAtClose = hintAtClose
    this.#memory = openWindowMemory(
      () => new ElectronStore({ cwd: dataDirectory, name: 'window', clearInvalidConfig: true }),
    )
    this.#page = new WindowPage(page, () => this.#memory.page())
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
    await this.#page.drawn()
  }

  /** Brings the window forward, near the tray icon where the desktop tells where that is. */
  async show(trayBounds: Rectangle | null): Promise<void> {
    if (this.#isReleased) return
    this.#page.want()
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
    this.#page.rest()
  }

  /** Has its page hear this, as soon as it is there. */
  tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    this.#page.tell(event, payload)
  }

  showing(seen: Showing): void {
    this.#page.speaks(seen)
    if (seen.page !== null) this.#memory.remember({ page: seen.page })
  }

  /**
   * Hides the window for good, and lets it really close: hiding is all that its close button does. Resolves when its
   * place is written, or could not be; on a disk that hangs, never.
   */
  release(): Promise<void> {
    this.#isReleased = true
    if (!this.browser.isDestroyed()) this.hide()
    this.#page.stop()
    return this.#memory.saved()
  }

  #listen(): void {
    const { browser } = this
    browser.on('show', () => this.#page.want())
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
