import type { QueuedFile } from '../../ledger/ledger.ts'
import type { Session } from '../destinations/destination.ts'
import { failedBy, type SendAttempt, type SourceParts } from './contract.ts'
import { createLargeSender } from './large.ts'
import { type Done, sendSmall } from './small.ts'

/** Reads and sends the files of one source. */
export type FileSender = ReturnType<typeof openFileSender>

/** Files up to this size are sent whole, in one go, however slow the line is. */
const WHOLE_FILE_BYTES = 64 * 1024

/** True if a file is sent in chunks. A whole file makes others wait. */
export const isLarge = (size: number, { limits }: Session): boolean =>
  size > Math.max(WHOLE_FILE_BYTES, limits.bytes)

export function openFileSender(parts: SourceParts) {
  const { window } = parts
  const sendLarge = createLargeSender(parts)

  const beginLarge = (
    due: QueuedFile,
    session: Session,
    done: (attempt: SendAttempt) => void,
    onRoom: () => void,
  ) => {
    window.beginLarge()
    let isOnLine = true
    const leaveLine = () => {
      if (isOnLine) window.endLarge()
      isOnLine = false
      onRoom()
    }
    const sent = sendLarge(due, session, leaveLine).catch(failedBy)
    void sent.then((attempt) => {
      leaveLine()
      done(attempt)
    })
  }

  return {
    /** True if a file of this size could start at once. */
    hasRoomFor: (size: number, session: Session) => !isLarge(size, session) || window.hasRoomForLarge,
    /**
     * Waits until the window has room for the files, then sends them in the background: one large file, or several
     * small ones. `onRoom` is called when another large file may start.
     */
    async send(dues: readonly QueuedFile[], session: Session, done: Done, onRoom: () => void): Promise<void> {
      const [first] = dues
      if (first !== undefined && isLarge(first.size, session))
        beginLarge(first, session, (attempt) => done(first, attempt), onRoom)
      else await sendSmall(parts, dues, session, done)
    },
  }
}
