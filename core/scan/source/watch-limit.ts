import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'

/** Says how many directories have no watch, and which of the kernel's settings to raise: inotify(7). */
export function watchLimitWords(path: string, directories: number): Message {
  return message('scan.watchLimit', { path, directories, setting: 'fs.inotify.max_user_watches' })
}
