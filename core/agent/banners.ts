import type { Message } from '../lib/i18n/message.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { Log } from './log.ts'
import { isGoodNews } from './state/conditions.ts'
import type { StateStore } from './state/state-store.ts'

/** The notice of a settings file that was set aside, or is used in part. */
export const UNUSED_SETTINGS = 'settings'
const HISTORY = 'history'

/** Notices that a person reads once and can dismiss. Each is also logged. */
export interface Notices {
  /** Replaces an earlier notice with this id. */
  add(id: string, sentence: Message): void
  dismiss(id: string): void
  /** Shows a failure of the check history as a notice. Recovery removes the notice and is only logged. */
  reportHistory(sentence: Message): void
}

export function createNotices(store: StateStore, log: Log['write']): Notices {
  const others = (id: string) => store.state.notices.filter((notice) => notice.id !== id)
  const notices: Notices = {
    add(id, sentence) {
      log(isGoodNews(sentence) ? 'info' : 'warn', englishWords(sentence))
      store.update({ notices: [...others(id), { id, sentence }] })
    },
    dismiss: (id) => store.update({ notices: others(id) }),
    reportHistory(sentence) {
      if (sentence.key !== 'check.historyBack') return notices.add(HISTORY, sentence)
      log('info', englishWords(sentence))
      notices.dismiss(HISTORY)
    },
  }
  return notices
}
