import { app } from 'electron'
import { defaultDataDirectory } from '../../core/settings/data-directory.ts'
import { endWithLauncher } from '../../core/worker/launcher.ts'
import { directoriesOf } from './arguments.ts'
import { runDesktop } from './desktop.ts'
import { introduce } from './identity.ts'
import { listenForStarts } from './later-starts.ts'
import { openOwnDirectory } from './own-directory.ts'
import { registerScheme } from './protocol.ts'
import { refuseToStart } from './refuse-to-start.ts'

const dataDirectory = defaultDataDirectory(process.env, process.platform)
const directories = directoriesOf(process.argv, app.isPackaged)

endWithLauncher()
introduce()
registerScheme()
try {
  // Chromium's own files stay apart from the agent's, and the lock below is the data directory's own.
  app.setPath('userData', openOwnDirectory(dataDirectory))
  start()
} catch (thrown) {
  app.whenReady().then(() => refuseToStart(thrown))
}

function start(): void {
  if (!app.requestSingleInstanceLock({ directories })) {
    // The first instance comes forward; it has been told about the directories.
    app.quit()
    return
  }
  const laterStarts = listenForStarts(app)
  // Not awaited: Electron is ready only after this module has been evaluated.
  app
    .whenReady()
    .then(() => runDesktop(dataDirectory, directories, laterStarts))
    .catch(refuseToStart)
}
