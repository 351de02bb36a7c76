import { app, dialog } from 'electron'
import { message } from '../../core/lib/i18n/message.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { createWords, nearestLanguage } from '../../core/lib/i18n/words.ts'
import { unusableData } from '../../core/settings/data-directory.ts'

/** Shows why Holdfast cannot start, and exits. Electron must be ready: it cannot show a dialog before. */
export function refuseToStart(error: unknown): void {
  const isTaken = error instanceof UserError && error.sentence.key === 'agent.alreadyRunning'
  const sentence = isTaken ? message('desktop.alreadyRunning', error.sentence.params) : toSentence(error)
  dialog.showErrorBox('Holdfast', createWords(nearestLanguage(app.getLocale()), 'window')(sentence))
  app.exit(1)
}

/** As `refuseToStart`, if the data directory cannot be created or written. */
export function refuseDirectory(dataDirectory: string, error: unknown): void {
  refuseToStart(unusableData(dataDirectory, error))
}
