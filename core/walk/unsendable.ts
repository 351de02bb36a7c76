import { type Message, message } from '../lib/i18n/message.ts'
import { absolutePath } from './scanned-file.ts'
import type { Unsendable } from './walk.ts'

/** Limit of a path's characters in a sentence. */
const MAX_SHOWN = 300

/** Builds the sentence that explains why something in a source cannot be sent. */
export function describeUnsendable(root: string, unsendable: Unsendable): Message {
  const whole = absolutePath(root, unsendable.path)
  const path = whole.length > MAX_SHOWN ? `${whole.slice(0, MAX_SHOWN)}…` : whole
  // path_resolution(7): PATH_MAX is 4,096 bytes with the terminating NUL, whatever the file system could hold.
  if (unsendable.why !== 'name' && unsendable.code === 'ENAMETOOLONG')
    return message('scan.pathTooLong', { path })
  switch (unsendable.why) {
    case 'name':
      return message('scan.nameNotUtf8', { path })
    case 'directory':
      return message('scan.directoryUnreadable', { path, reason: unsendable.code })
    case 'file':
      return message('scan.fileUnreadable', { path, reason: unsendable.code })
  }
}
