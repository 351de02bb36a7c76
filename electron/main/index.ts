import path from 'node:path'
import { app } from 'electron'
import { defaultDataDirectory } from '../../core/settings/data-directory.ts'
import { directoriesOf } from './arguments.ts'
import { runDesktop } from './desktop.ts'
import { registerScheme } from './protocol.ts'

const dataDirectory = defaultDataDirectory(process.env, process.platform)
const directories = directoriesOf(process.argv, app.isPackaged)

// Chromium's own files stay apart from the agent's, and the lock below is the data directory's own.
app.setPath('userData', path.join(dataDirectory, 'desktop'))
registerScheme()

if (app.requestSingleInstanceLock({ directories })) {
  // Not awaited: Electron is ready only after this module has been evaluated.
  app.whenReady().then(() => runDesktop(dataDirectory, directories))
} else {
  // The first instance comes forward; it has been told about the directories.
  app.quit()
}
