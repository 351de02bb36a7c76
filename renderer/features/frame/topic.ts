import type { Message } from '../../../core/lib/i18n/message.ts'

/** What a sentence is about: its numbers and times change each second, and nobody wants to hear that. */
export function topicOf({ key, params }: Message): string[] {
  return [key, ...Object.values(params).filter((value) => typeof value === 'string')]
}
