import { once } from 'node:events'
import path from 'node:path'
import {
  BrowserWindow,
  type BrowserWindowConstructorOptions,
  Menu,
  nativeTheme,
  type WebPreferences,
} from 'electron'
import { servePage, WINDOW_PAGE } from './protocol.ts'
import { lockDown } from './security.ts'

const DEFAULT_SIZE = { width: 400, height: 640 }
export const LEAST_SIZE = { width: 340, height: 420 }

/** The hidden window, and its page while it is loading. */
export interface LoadingPage {
  browser: BrowserWindow
  load(): void
  /** Resolves after the first paint; null if the page was not requested yet. */
  painted: Promise<unknown> | null
}

/**
 * Creates the window. Chromium starts the page's process while the main process loads the agent.
 * @param ready the page is served after it resolves: its first command must find a handler.
 * @param isWanted if false, the window stays hidden, and its page is loaded on demand.
 */
export function loadPage(application: string, ready: Promise<unknown>, isWanted: boolean): LoadingPage {
  lockDown()
  servePage(path.join(application, 'out/renderer'), ready)
  const preload = path.join(application, 'out/preload/index.cjs')
  const browser = new BrowserWindow(windowOptions(application, { preload }))
  browser.removeMenu()
  // macOS has one menu for all windows, whose items are the keys for copying, pasting and closing.
  if (process.platform === 'darwin')
    Menu.setApplicationMenu(
      Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]),
    )
  const load = () => void browser.loadURL(WINDOW_PAGE)
  if (!isWanted) return { browser, load, painted: null }
  const painted = once(browser, 'ready-to-show')
  load()
  return { browser, load, painted }
}

/** Returns the options of a hidden window for a page in Chromium's sandbox. */
export function windowOptions(
  application: string,
  preferences: Pick<WebPreferences, 'preload' | 'session'>,
  title = 'Holdfast',
): BrowserWindowConstructorOptions {
  return {
    ...DEFAULT_SIZE,
    minWidth: LEAST_SIZE.width,
    minHeight: LEAST_SIZE.height,
    show: false,
    title,
    icon: path.join(application, 'assets/icons/256x256.png'),
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#1a1b1e' : '#ffffff',
    webPreferences: {
      ...preferences,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  }
}
