import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { app, nativeImage, Tray } from 'electron'
import { endWithLauncher } from '../../core/lib/workers/process.ts'
import { defaultDataDirectory } from '../../core/settings/default-directory.ts'
import { isHidden, linkIn, parseDirectories } from './arguments.ts'
import { dateLocale } from './date-locale.ts'
import { introduce } from './identity.ts'
import { listenForStarts } from './later-starts.ts'
import { openOwnDirectory } from './own-directory.ts'
import { loadPage } from './page.ts'
import { registerScheme } from './protocol.ts'
import { trayImage } from './systems.ts'

// The tray icon appears first: everything that it does not need is imported afterwards.

/** Time that the icon needs to appear in the panel, in milliseconds; Electron has no event for it. */
const ICON_MS = 40

const dataDirectory = defaultDataDirectory(process.env, process.platform)
const directories = parseDirectories(process.argv, app.isPackaged)

endWithLauncher()
introduce()
registerScheme()
// Sandboxes all pages. As root no sandbox is possible: Chromium then exits unless it has --no-sandbox.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
const locale = process.platform === 'linux' ? dateLocale(process.env) : null
if (locale !== null) app.commandLine.appendSwitch('lang', locale)
try {
  // Chromium's files are kept apart from the agent's, and the instance lock below belongs to the data directory.
  app.setPath('userData', openOwnDirectory(dataDirectory))
  start()
} catch (error) {
  app.whenReady().then(async () => (await refusals()).refuseDirectory(dataDirectory, error))
}

function start(): void {
  const link = linkIn(process.argv)
  if (!app.requestSingleInstanceLock({ directories, links: link === null ? [] : [link] })) {
    // The first instance shows its window; it has received the directories and links of this start.
    app.quit()
    return
  }
  const laterStarts = listenForStarts(app, link)
  // Not awaited: Electron becomes ready only after this module has been evaluated.
  app
    .whenReady()
    .then(async () => {
      const images = path.resolve(app.getAppPath(), 'assets/tray')
      const icon = new Tray(nativeImage.createFromPath(path.join(images, trayImage('starting'))))
      await delay(ICON_MS)
      const answering = Promise.withResolvers<void>()
      const isQuiet = isHidden(process.argv) || wasStartedAtLogin()
      const page = loadPage(app.getAppPath(), answering.promise, !isQuiet)
      const { runDesktop } = await import('./desktop.ts')
      const running = runDesktop({ dataDirectory, directories, laterStarts, page, icon, images, isQuiet })
      // runDesktop registers the handlers synchronously, before its first await.
      answering.resolve()
      await running
    })
    .catch(async (error) => (await refusals()).refuseToStart(error))
}

/** macOS starts an application at login without arguments. */
function wasStartedAtLogin(): boolean {
  return process.platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin
}

function refusals() {
  return import('./refuse-to-start.ts')
}
