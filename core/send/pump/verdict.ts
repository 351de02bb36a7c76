import type { FileStatus } from '../../wire/limits.ts'
import type { NameFault } from '../../wire/names.ts'
import { nameFaults } from '../../wire/names.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'

/** What an answer of the receiver means for the file in the ledger. */
export type Verdict =
  | { kind: 'sent' }
  /** It will never be accepted as it is. */
  | { kind: 'park'; reason: Message }
  /** Something went wrong with this one file on the way. */
  | { kind: 'again'; reason: Message | null }
  /** The receiver's store is in trouble; the other files have to wait too. */
  | { kind: 'store'; reason: Message }
  /** The store could not take this file; whether it is its own trouble the next ones show. */
  | { kind: 'file'; reason: Message }

const nameSentences: Record<NameFault, Message['key']> = {
  empty: 'transfer.name.empty',
  dots: 'transfer.name.dots',
  absolute: 'transfer.name.absolute',
  nul: 'transfer.name.nul',
  long: 'transfer.name.long',
  reserved: 'transfer.name.reserved',
  characters: 'transfer.name.characters',
  symlink: 'transfer.name.symlink',
  folded: 'transfer.name.folded',
}

/** The detail is "floor", "quota bytes N", "quota files N", or the system's error name. */
function fullSentence(detail: string, name: string): Message {
  if (detail === 'floor') return message('transfer.storeFloor', { name })
  if (detail === 'names') return message('transfer.storeNames', { name })
  const quota = /^quota (bytes|files) (\d{1,16})$/.exec(detail)
  if (quota === null) return message('transfer.storeFull', { name })
  const limit = Number(quota[2])
  return message(quota[1] === 'bytes' ? 'transfer.quotaBytes' : 'transfer.quotaFiles', { name, limit })
}

/** @param receiver the destination's name, @param file the file's absolute path, for the sentences. */
export function verdictOf(
  answer: { status: FileStatus; detail: string },
  receiver: string,
  file: { path: string; size: number },
): Verdict {
  const { path, size } = file
  switch (answer.status) {
    case 'durable':
    case 'same':
      return { kind: 'sent' }
    case 'name': {
      const fault = nameFaults.find((name) => name === answer.detail) ?? 'characters'
      return { kind: 'park', reason: message(nameSentences[fault], { path }) }
    }
    case 'tooLarge':
      return { kind: 'park', reason: message('transfer.tooLarge', { path, size }) }
    case 'digest':
      return { kind: 'again', reason: message('transfer.digestMismatch', { path }) }
    case 'aborted':
    // Said of a copy alone, after which the content is sent.
    case 'unknown':
      return { kind: 'again', reason: null }
    case 'full':
      return { kind: 'store', reason: fullSentence(answer.detail, receiver) }
    case 'readOnly':
      return { kind: 'store', reason: message('transfer.storeReadOnly', { name: receiver }) }
    case 'failed':
      // No file's fault: whatever comes next has the same answer.
      if (answer.detail === 'ENODEV')
        return { kind: 'store', reason: message('transfer.storeAway', { name: receiver }) }
      return {
        kind: 'file',
        reason: message('transfer.storeFailed', { name: receiver, reason: answer.detail || 'EIO' }),
      }
    default:
      return answer.status satisfies never
  }
}
