import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import { absolutePath } from './facts.ts'
import type { Unsendable } from './walk.ts'

/** Puts into words why something in a source cannot be sent. */
export function unsendableWords(root: string, unsendable: Unsendable): Message {
  const path = absolutePath(root, unsendable.path)
  switch (unsendable.why) {
    case 'name':
      return message('scan.nameNotUtf8', { path })
    case 'directory':
      return message('scan.directoryUnreadable', { path, code: unsendable.code })
    case 'file':
      return message('scan.fileUnreadable', { path, code: unsendable.code })
  }
}
