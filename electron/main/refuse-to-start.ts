import { app, dialog } from 'electron'
import { message } from '../../core/lib/i18n/message.ts'
import { Problem, sentenceOf } from '../../core/lib/i18n/problem.ts'
import { createWords, nearestLanguage } from '../../core/lib/i18n/words.ts'
import { unusableData } from '../../core/settings/data-directory.ts'

/** Says why Holdfast cannot run, and ends it. Electron must be ready: before that it shows no dialog. */
export function refuseToStart(thrown: unknown): void {
  const isTaken = thrown instanceof Problem && thrown.sentence.key === 'agent.alreadyRunning'
  const sentence = isTaken ? message('desktop.alreadyRunning', thrown.sentence.params) : sentenceOf(thrown)
  dialog.showErrorBox('Holdfast', createWords(nearestLanguage(app.getLocale()))(sentence))
  app.exit(1)
}

/** The same, where the directory for Holdfast's own things cannot be made or written. */
export function refuseDirectory(dataDirectory: string, thrown: unknown): void {
  refuseToStart(unusableData(dataDirectory, thrown))
}
