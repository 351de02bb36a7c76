import { isDeepStrictEqual } from 'node:util'
import { app, type BrowserWindow, screen } from 'electron'
import ElectronStore from 'electron-store'
import type { Events } from '../../core/agent/contract.ts'
import { LEAST_SIZE, type LoadingPage } from './page.ts'
import { openWindowMemory, type WindowMemory } from './window-memory.ts'
import { type Showing, WindowPage } from './window-page.ts'
import { fitBounds, isReachable, placeToShow, type Rectangle } from './window-place.ts'
import { letZoom } from './zoom.ts'

/** On some desktops a click on the tray icon first takes the focus from the window. */
const JUST_BLURRED_MS = 300

/** The application's only window. Its close button hides it. */
export class TrayWindow {
  readonly browser: BrowserWindow
  readonly #memory: WindowMemory
  readonly #page: WindowPage
  readonly #hintAtClose: () => boolean
  #isPlaced: boolean
  /** The bounds when the window was last shown without filling the screen. */
  #shownAt: Rectangle | null = null
  #isReleased = false
  #blurredAt = Number.NEGATIVE_INFINITY

  /** @param hintAtClose called at the first close to explain that the application continues; false if not shown. */
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
    // The screen's size or scale has changed.
    screen.on('display-metrics-changed', () => fitToScreen(browser))
    this.#listen()
  }

  /** Resolves after the first paint, or a timeout. */
  async drawn(): Promise<void> {
    await this.#page.drawn()
  }

  /** Brings the window to the front, near the tray icon if the desktop reports its position. */
  async show(trayBounds: Rectangle | null): Promise<void> {
    if (this.#isReleased) return
    this.#page.want()
    await this.drawn()
    if (this.browser.isDestroyed() || this.#isReleased) return
    this.#bringForward(trayBounds)
  }

  /** Hides the window if it is in front, as for a click on the tray icon; otherwise shows it. */
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

  /** Sends an event to the page, or queues it until the page is loaded. */
  tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    this.#page.tell(event, payload)
  }

  showing(seen: Showing): void {
    this.#page.speaks(seen)
    if (seen.page !== null) this.#memory.remember({ page: seen.page })
  }

  /**
   * Hides the window for good and lets it close: until then its close button only hides it. Resolves when its place is
   * written, or could not be; on a hanging disk it never resolves.
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
      // First, before anything that can fail: a window that has closed cannot be shown again.
      event.preventDefault()
      this.hide()
      if (!this.#memory.closeHinted() && this.#hintAtClose()) this.#memory.remember({ closeHinted: true })
    })
    browser.on('page-title-updated', (event) => event.preventDefault())
  }

  #remember(): void {
    // A window that was never shown has no position that the user chose.
    if (!this.#isPlaced || this.browser.isDestroyed()) return
    const normal = this.browser.getNormalBounds()
    // Shown again while maximized, or maximized at once, X11 reports the screen's bounds as the normal ones.
    const isLost = fillsScreen(this.browser) && isDeepStrictEqual(normal, this.browser.getBounds())
    const bounds = isLost ? this.#shownAt : normal
    if (bounds !== null) this.#memory.remember({ bounds })
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
    if (!fillsScreen(browser)) this.#shownAt = browser.getBounds()
    browser.show()
    browser.focus()
    // On macOS an application without a Dock icon would stay behind the one in front.
    if (process.platform === 'darwin') app.focus({ steal: true })
  }
}

/** Returns the stored bounds; null if there are none, or their screen is disconnected. */
function rememberedBounds(bounds: Rectangle | null): Rectangle | null {
  return bounds !== null && isReachable(bounds, workAreas()) ? bounds : null
}

/** Keeps the window within its screen's work area. */
function fitToScreen(browser: BrowserWindow): void {
  if (browser.isDestroyed() || fillsScreen(browser)) return
  const bounds = browser.getBounds()
  const { workArea } = screen.getDisplayMatching(bounds)
  browser.setMinimumSize(
    Math.min(LEAST_SIZE.width, workArea.width),
    Math.min(LEAST_SIZE.height, workArea.height),
  )
  const wanted = fitBounds(bounds, workArea)
  if (!isDeepStrictEqual(wanted, bounds)) browser.setBounds(wanted)
}

const fillsScreen = (browser: BrowserWindow) => browser.isMaximized() || browser.isFullScreen()

const workAreas = () => screen.getAllDisplays().map(({ workArea }) => workArea)
