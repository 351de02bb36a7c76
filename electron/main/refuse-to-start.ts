import { app, dialog } from 'electron'
import { message } from '../../core/words/message.ts'
import { Problem, sentenceOf } from '../../core/words/problem.ts'
import { createWords, nearestLanguage } from '../../core/words/words.ts'

/** Says why Holdfast cannot run, and ends it. Electron must be ready: before that it shows no dialog. */
export function refuseToStart(thrown: unknown): void {
  const isTaken = thrown instanceof Problem && thrown.sentence.key === 'agent.alreadyRunning'
  const sentence = isTaken ? message('desktop.alreadyRunning', thrown.sentence.params) : sentenceOf(thrown)
  dialog.showErrorBox('Holdfast', createWords(nearestLanguage(app.getLocale()))(sentence))
  app.exit(1)
}
