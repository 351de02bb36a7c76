import type { Message } from '../../../lib/i18n/message.ts'
import { englishWords } from '../../../lib/i18n/words.ts'
import type { Log } from '../../log.ts'
import { isQuietNotice } from '../../state/derived.ts'
import type { StateStore } from '../../state/state-store.ts'

/** Id of the notice that a settings file was set aside, or is used in part. */
export const UNUSED_SETTINGS = 'settings'
/** Id of the notice that the check history cannot be kept. */
const HISTORY = 'history'

export type Notices = ReturnType<typeof createNotices>

/** Creates the notices, which a person reads once and can dismiss. Each is also logged. */
export function createNotices(store: StateStore, log: Log['write']) {
  const others = (id: string) => store.state.notices.filter((notice) => notice.id !== id)
  const dismiss = (id: string) => store.update({ notices: others(id) })
  /** Replaces an earlier notice with this id. */
  const add = (id: string, sentence: Message) => {
    log(isQuietNotice(sentence) ? 'info' : 'warn', englishWords(sentence))
    store.update({ notices: [...others(id), { id, sentence }] })
  }
  /** Shows a failure of the check history as a notice. Recovery removes the notice and is only logged. */
  const reportHistory = (sentence: Message) => {
    if (sentence.key !== 'check.historyBack') return add(HISTORY, sentence)
    log('info', englishWords(sentence))
    dismiss(HISTORY)
  }
  return { add, dismiss, reportHistory }
}
