import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError } from '../../dropped-errors.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { getUserName } from '../../platform/user-name.ts'

/** Reasons for which a log has no lines: its device is not readable, and neither is the journal. */
interface UnreadLog {
  /** The error's name of /dev/kmsg. */
  reason: string
  /** `journalctl` is installed. */
  hasJournal: boolean
}

interface Surroundings {
  user: string
  isRoot: boolean
  /** Directory that stands for /, with proc/ in it. */
  root: string
}

/** Returns a sentence about a log that cannot be read, with the command that permits it. */
export async function describeUnread(
  { reason, hasJournal }: UnreadLog,
  { user, isRoot, root }: Surroundings = {
    user: getUserName(),
    isRoot: process.getuid?.() === 0,
    root: '/',
  },
): Promise<Message> {
  // Root lacks only what a container withholds.
  if (isRoot || reason === 'ENOENT') return message('cause.logUnreadContainer', { reason })
  if (!hasJournal) return message('cause.logUnreadBare', { reason })
  // Membership in a group begins with a service's start, or with a user's first session.
  const unit = await findOwnUnit(root)
  if (unit === null) return message('cause.logUnread', { reason, user })
  return message('cause.logUnreadService', { reason, user, unit })
}

/** Returns the name of the system's service that this process belongs to: systemd.exec(5), cgroups(7). */
async function findOwnUnit(root: string): Promise<string | null> {
  const text = await readFile(path.join(root, 'proc/self/cgroup'), 'utf8').catch(
    ignoreError('the system has no control groups', ''),
  )
  return /:\/system\.slice\/(?:[^/\n]+\.slice\/)*(holdfast[^/\n]*\.service)$/m.exec(text)?.[1] ?? null
}
