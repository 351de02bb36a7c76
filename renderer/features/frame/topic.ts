import type { Message } from '../../../core/lib/i18n/message.ts'

/** Returns the parts that identify a sentence, without numbers and times: a screen reader must not read each change. */
export function getTopic({ key, params }: Message): string[] {
  return [key, ...Object.values(params).filter((value) => typeof value === 'string')]
}
