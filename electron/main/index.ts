import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { app, nativeImage, Tray } from 'electron'
import { endWithLauncher } from '../../core/lib/workers/launcher.ts'
import { defaultDataDirectory } from '../../core/settings/default-directory.ts'
import { directoriesOf, isHidden, linkIn } from './arguments.ts'
import { dateLocale } from './date-locale.ts'
import { introduce } from './identity.ts'
import { listenForStarts } from './later-starts.ts'
import { openOwnDirectory } from './own-directory.ts'
import { loadPage } from './page.ts'
import { registerScheme } from './protocol.ts'

// The icon is what a person looks for first: what all else brings along is loaded once it is there.

/** What the icon needs to get onto the panel, in milliseconds; Electron does not tell when it is there. */
const ICON_MS = 40

const dataDirectory = defaultDataDirectory(process.env, process.platform)
const directories = directoriesOf(process.argv, app.isPackaged)

endWithLauncher()
introduce()
registerScheme()
// Every page that there could ever be. Root has none: Chromium then ends, or is told --no-sandbox.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
const locale = process.platform === 'linux' ? dateLocale(process.env) : null
if (locale !== null) app.commandLine.appendSwitch('lang', locale)
try {
  // Chromium's own files stay apart from the agent's, and the lock below is the data directory's own.
  app.setPath('userData', openOwnDirectory(dataDirectory))
  start()
} catch (error) {
  app.whenReady().then(async () => (await refusals()).refuseDirectory(dataDirectory, error))
}

function start(): void {
  const link = linkIn(process.argv)
  if (!app.requestSingleInstanceLock({ directories, links: link === null ? [] : [link] })) {
    // The first instance comes forward; it has been told what this start names.
    app.quit()
    return
  }
  const laterStarts = listenForStarts(app, link)
  // Not awaited: Electron is ready only after this module has been evaluated.
  app
    .whenReady()
    .then(async () => {
      const images = path.resolve(app.getAppPath(), 'assets/tray')
      const icon = new Tray(nativeImage.createFromPath(path.join(images, 'starting.png')))
      await delay(ICON_MS)
      const answering = Promise.withResolvers<void>()
      const page = loadPage(app.getAppPath(), answering.promise, !isHidden(process.argv))
      const { runDesktop } = await import('./desktop.ts')
      const running = runDesktop({ dataDirectory, directories, laterStarts, page, icon, images })
      // It has listened to the page's questions before it first waited for anything.
      answering.resolve()
      await running
    })
    .catch(async (error) => (await refusals()).refuseToStart(error))
}

function refusals() {
  return import('./refuse-to-start.ts')
}
