import { dialog } from 'electron'
import type { Agent } from '../../core/agent/agent.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { toSentence } from '../../core/lib/i18n/user-error.ts'
import type { Words } from '../../core/lib/i18n/words.ts'
import type { WindowHandlers } from './ipc.ts'
import type { TrayActions } from './tray-menu.ts'
import type { TrayWindow } from './window.ts'
import type { Rectangle } from './window-place.ts'

/** Returns the actions of the tray's menu. The menu cannot show a refusal: it becomes a notice. */
export function trayActions(options: {
  agent: Agent
  handlers: WindowHandlers
  window: TrayWindow
  words: () => Words
  come: () => Promise<void>
  trayBounds: () => Rectangle
  quit: () => void
  /** Shows that the application continues in the tray; false if the hint could not be shown. */
  hint: () => boolean
}): TrayActions {
  const { agent, handlers, window, words, come, quit } = options
  const refused = (sentence: Message) => {
    // Already protected is no problem: a dialog suffices, without a notice.
    if (sentence.key === 'refuse.already')
      void dialog.showMessageBox(window.browser, { message: words()(sentence) })
    else addRefusal(agent, sentence)
  }
  const tell = (answer: Promise<unknown>) => void answer.catch((error) => refused(toSentence(error)))
  return {
    open: () => void come(),
    toggle: () => window.toggle(options.trayBounds()),
    openIncident: (incident) => {
      void come()
      window.tell('show', { page: 'alerts', incident })
    },
    addDirectory: () => tell(come().then(() => handlers.chooseSource({}))),
    pause: (minutes) => tell(handlers.pause({ minutes })),
    pauseOther: () => {
      void come()
      window.tell('askPause', {})
    },
    openFolder: (source) => tell(handlers.showDirectory({ source })),
    resume: () => tell(handlers.resume({})),
    checkNow: () => tell(handlers.checkNow({})),
    quit,
    hintAtClose: options.hint,
  }
}

/** Adds a refusal as a notice; repeated equal refusals are one notice. */
function addRefusal(agent: Agent, sentence: Message): void {
  agent.notices.add(`refused:${JSON.stringify(sentence)}`, sentence)
}
