import { condition, type FoundCondition, well } from '../../state/condition.ts'
import { isQuietNotice } from '../../state/derived.ts'
import type { AppState } from '../../state/schema.ts'

/** Reports notices until they are dismissed. */
export function noticeConditions({ notices }: AppState, now: number): FoundCondition[] {
  return notices.flatMap(({ id, sentence }) => {
    // A notice with a time is a new subject, and therefore a new notification, each time.
    const { at = '' } = sentence.params
    const subject = { id: `notice:${id}${at}`, name: 'Holdfast', source: null }
    // A success also ends the incident of an earlier failure.
    return isQuietNotice(sentence) ? well(subject, now) : condition(subject, 'notice', now, sentence, 0)
  })
}
