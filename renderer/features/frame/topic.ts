import type { Message } from '../../../core/lib/i18n/message.ts'

/** Details that change while the status stays the same. */
const CHANGING = /^status\.(lastFile|toGo)/

/**
 * Returns the parts that identify a sentence and its detail, without numbers and times: a screen reader must not read
 * each change.
 */
export function getTopic({ key, params }: Message, detail: Message | null): string[] {
  const detailKey = detail === null || CHANGING.test(detail.key) ? [] : [detail.key]
  return [key, ...Object.values(params).filter((value) => typeof value === 'string'), ...detailKey]
}
