import path from 'node:path'
import Conf from 'conf'
import { BrowserWindow, nativeTheme, screen } from 'electron'
import { z } from 'zod'
import { WINDOW_PAGE } from './protocol.ts'
import { placeNear, type Rectangle } from './window-place.ts'

const DEFAULT_SIZE = { width: 400, height: 640 }
const RELOAD_AFTER_MS = 1_000
const rectangleSchema = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })

export interface TrayWindow {
  readonly browser: BrowserWindow
  /** Brings the window forward, near the tray icon where the desktop tells where that is. */
  show(trayBounds: Rectangle | null): void
  /** Lets the window really close: hiding is all that its close button does. */
  release(): void
}

/** The one window: made hidden at the start, so that it shows at once when it is asked for. */
export function createWindow(options: { preload: string; icon: string; dataDirectory: string }): TrayWindow {
  const memory = new Conf({ cwd: options.dataDirectory, configName: 'window', clearInvalidConfig: true })
  const remembered = rectangleSchema.safeParse(memory.get('bounds'))
  const browser = new BrowserWindow({
    ...(remembered.success ? remembered.data : DEFAULT_SIZE),
    minWidth: 340,
    minHeight: 420,
    show: false,
    title: 'Holdfast',
    icon: options.icon,
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#1a1b1e' : '#ffffff',
    webPreferences: {
      preload: options.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  browser.removeMenu()
  let released = false
  let placed = remembered.success
  browser.on('close', (event) => {
    memory.set('bounds', browser.getBounds())
    if (released) return
    event.preventDefault()
    browser.hide()
  })
  browser.on('page-title-updated', (event) => event.preventDefault())
  browser.webContents.on('render-process-gone', (_event, { reason }) => {
    // The page holds no truth of its own: it is simply loaded anew, not too often if it keeps ending.
    if (reason !== 'clean-exit' && !browser.isDestroyed()) {
      setTimeout(() => void browser.loadURL(WINDOW_PAGE), RELOAD_AFTER_MS)
    }
  })
  void browser.loadURL(WINDOW_PAGE)

  return {
    browser,
    show: (trayBounds) => {
      if (!placed) {
        placed = true
        const { workArea } = screen.getDisplayNearestPoint(trayBounds ?? screen.getCursorScreenPoint())
        const place = placeNear(trayBounds, browser.getBounds(), workArea)
        if (place !== null) browser.setPosition(place.x, place.y)
      }
      if (browser.isMinimized()) browser.restore()
      browser.show()
      browser.focus()
    },
    release: () => {
      released = true
    },
  }
}

export function preloadFile(outDirectory: string): string {
  return path.join(outDirectory, 'preload', 'index.cjs')
}
