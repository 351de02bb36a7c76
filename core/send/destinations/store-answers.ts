import path from 'node:path'
import { type Message, message } from '../../lib/i18n/message.ts'
import { nameFaults } from '../../protocol/names.ts'
import type { Stored } from '../../store/store.ts'
import type { Answer, OutgoingSource } from './destination.ts'

// Translates the answers of Holdfast's own stores, at a receiver or in a folder.

/** The detail is "floor", "names", "quota bytes N", "quota files N", or the system's error name. */
function fullSentence(detail: string, name: string): Message {
  if (detail === 'floor') return message('transfer.storeFloor', { name })
  if (detail === 'names') return message('transfer.storeNames', { name })
  const quota = /^quota (bytes|files) (\d{1,16})$/.exec(detail)
  if (quota === null) return message('transfer.storeFull', { name })
  const limit = Number(quota[2])
  return message(quota[1] === 'bytes' ? 'transfer.quotaBytes' : 'transfer.quotaFiles', { name, limit })
}

/** The file that an answer concerns. */
export interface AnsweredFile {
  source: Pick<OutgoingSource, 'path'>
  path: string
  size: number
}

/** Returns the answer for the queue. @param destination its name. */
export function toAnswer(
  { outcome: { status, detail }, position }: Stored,
  destination: string,
  { source, path: name, size }: AnsweredFile,
): Answer {
  const file = path.join(source.path, name)
  const trouble = (reason: Message): Answer => ({ kind: 'again', reason, trouble: 'yes' })
  switch (status) {
    case 'durable':
    case 'same':
      return { kind: 'durable', position }
    case 'name': {
      const fault = nameFaults.find((one) => one === detail) ?? 'characters'
      return { kind: 'refused', reason: message(`transfer.name.${fault}`, { path: file }) }
    }
    case 'tooLarge':
      return { kind: 'refused', reason: message('transfer.tooLarge', { path: file, size }) }
    case 'digest':
      return { kind: 'again', reason: message('transfer.digestMismatch', { path: file }), trouble: 'no' }
    case 'aborted':
    // Only a copy is answered this way; the content is sent afterwards.
    case 'unknown':
      return { kind: 'again', reason: null, trouble: 'no' }
    case 'full':
      return trouble(fullSentence(detail, destination))
    case 'readOnly':
      return trouble(message('transfer.storeReadOnly', { name: destination }))
    case 'failed': {
      // The disk is gone, which is not the file's fault: every further file would get the same answer.
      if (detail === 'ENODEV') return trouble(message('transfer.storeAway', { name: destination }))
      const reason = message('transfer.storeFailed', { name: destination, reason: detail || 'EIO' })
      return { kind: 'again', reason, trouble: 'maybe' }
    }
    default:
      return status satisfies never
  }
}
