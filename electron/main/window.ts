import { isDeepStrictEqual } from 'node:util'
import { type BrowserWindow, screen } from 'electron'
import ElectronStore from 'electron-store'
import { sendEvent } from './ipc.ts'
import { LEAST_SIZE } from './page.ts'
import { createPairingLinks } from './pairing-links.ts'
import { WINDOW_PAGE } from './protocol.ts'
import { openWindowMemory } from './window-memory.ts'
import { fitted, isReachable, placeToShow, type Rectangle } from './window-place.ts'
import { letZoom } from './zoom.ts'

const RELOAD_AFTER_MS = 1_000
/** On some desktops the very click on the tray icon takes the focus away first. */
const JUST_BLURRED_MS = 300

export interface TrayWindow {
  readonly browser: BrowserWindow
  /** Brings the window forward, near the tray icon where the desktop tells where that is. */
  show(trayBounds: Rectangle | null): void
  /** Hides the window if it is before the person, as a click on the tray icon does; otherwise shows it. */
  toggle(trayBounds: Rectangle | null): void
  hide(): void
  /** Shows the form of a receiver filled with this pairing code. */
  showLink(code: string): void
  /** What its page says that it shows; null: nobody looks at it. */
  showing(page: string | null): void
  /**
   * Hides the window for good, and lets it really close: hiding is all that its close button does. Resolves when its
   * place is written, or could not be; on a disk that hangs, never.
   */
  release(): Promise<void>
}

/** The one window: it is there hidden from the start, so that it shows at once when it is asked for. */
export function createWindow(options: {
  browser: BrowserWindow
  dataDirectory: string
  /** Says, at the first close, that it goes on in the tray; false: it could not be said. */
  hintAtClose(): boolean
}): TrayWindow {
  const memory = openWindowMemory(
    () => new ElectronStore({ cwd: options.dataDirectory, name: 'window', clearInvalidConfig: true }),
  )
  const remembered = rememberedBounds(memory.bounds())
  /** Until the page has first spoken. */
  let lastPage = memory.page()
  const { browser } = options
  if (remembered !== null) browser.setBounds(remembered)
  letZoom(browser.webContents)
  // A screen has another size, or another scale.
  screen.on('display-metrics-changed', () => fitToScreen(browser))
  let released = false
  let placed = remembered !== null
  const remember = () => {
    // One that was never shown has no place that anybody has chosen.
    if (!placed || browser.isDestroyed()) return
    const bounds = browser.getNormalBounds()
    // Shown again while it fills the screen, X11 takes the screen's bounds for its normal ones.
    const isLost = fillsScreen(browser) && isDeepStrictEqual(bounds, browser.getBounds())
    if (!isLost) memory.remember({ bounds })
  }
  const hide = () => {
    browser.hide()
    remember()
  }
  let blurredAt = Number.NEGATIVE_INFINITY
  browser.on('blur', () => {
    blurredAt = performance.now()
  })
  browser.on('close', (event) => {
    if (released) return
    // Before anything that can fail: a window that has really closed cannot be shown again.
    event.preventDefault()
    hide()
    if (!memory.closeHinted() && options.hintAtClose()) memory.remember({ closeHinted: true })
  })
  browser.on('page-title-updated', (event) => event.preventDefault())
  browser.webContents.on('render-process-gone', (_event, { reason }) => {
    // The page holds no truth of its own: it is simply loaded anew, not too often if it keeps ending.
    if (reason !== 'clean-exit' && !browser.isDestroyed()) {
      setTimeout(() => void browser.loadURL(WINDOW_PAGE), RELOAD_AFTER_MS)
    }
  })
  const links = createPairingLinks((code) => sendEvent(browser, 'show', { page: 'destinations', code }))
  const show = (trayBounds: Rectangle | null) => {
    if (browser.isMinimized()) browser.restore()
    const near = screen.getDisplayNearestPoint(trayBounds ?? screen.getCursorScreenPoint()).workArea
    const seen = {
      bounds: browser.getBounds(),
      isPlaced: placed,
      fillsScreen: fillsScreen(browser),
    }
    const place = placeToShow(seen, trayBounds, near, workAreas())
    if (place !== null) browser.setPosition(place.x, place.y)
    fitToScreen(browser)
    placed = true
    browser.show()
    browser.focus()
  }

  return {
    browser,
    show,
    toggle: (trayBounds) => {
      const isBefore = browser.isFocused() || performance.now() - blurredAt < JUST_BLURRED_MS
      if (browser.isVisible() && !browser.isMinimized() && isBefore) hide()
      else show(trayBounds)
    },
    hide,
    showLink: links.show,
    showing: (page) => {
      if (lastPage !== null) sendEvent(browser, 'show', { page: lastPage })
      lastPage = null
      links.pageListens()
      if (page !== null) memory.remember({ page })
    },
    release: () => {
      released = true
      if (!browser.isDestroyed()) hide()
      return memory.saved()
    },
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
