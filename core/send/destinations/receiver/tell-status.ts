import type { Message } from '../../../lib/i18n/message.ts'
import { ALIVE_EVERY_MS, type FrameChannel } from '../../../protocol/channel.ts'
import { type FrameHeader, sentenceParts } from '../../../protocol/frames.ts'
import { LONGEST_SENTENCE, LONGEST_WORD } from '../../../protocol/limits.ts'

/** An unchanged status is repeated after this: once a minute, even if a heartbeat is late. */
const ANEW_AFTER_MS = 55_000

type Status = FrameHeader<'status'>

/** Limit of a status with `words`, in bytes: keeps the frame below its limit. */
const MOST_BYTES = 3 * 1024

/** The status of this computer, and of the files that wait here for the receiver. */
export interface StatusNow extends Pick<Status, 'level' | 'kind' | 'sentence' | 'version'> {
  oldestWaitingAt: number | null
  waitingFiles: number
  words?: Message | undefined
}

/** Returns text as one line of at most `longest` UTF-16 units: names of files can contain any character. */
function line(text: string, longest: number): string {
  const plain = text.replace(/\p{Cc}+/gu, ' ')
  const short = plain.length <= longest ? plain : `${plain.slice(0, longest - 1)}…`
  return short.toWellFormed()
}

/** Returns a status frame within the protocol's limits: an invalid frame would end the connection. Pure. */
export function statusFrame(status: StatusNow, now: number): Status {
  const { level, kind, sentence, version, oldestWaitingAt, waitingFiles } = status
  const frame = {
    level,
    kind: kind === null ? null : line(kind, LONGEST_WORD),
    sentence: line(sentence, LONGEST_SENTENCE),
    // A file can have any time; a wait cannot begin in the future.
    oldestWaitingAt: oldestWaitingAt === null ? null : Math.min(oldestWaitingAt, now),
    waitingFiles,
    version: line(version, LONGEST_WORD),
  }
  const words = sentenceParts.safeParse(status.words)
  const whole = { ...frame, ...(words.success ? { words: words.data } : {}) }
  return Buffer.byteLength(JSON.stringify(whole)) <= MOST_BYTES ? whole : frame
}

/**
 * Sends this computer's status to the receiver: now, with a heartbeat after a change, and once a minute.
 * @param current returns null if there is no status.
 * @returns a function that stops it; `isLast`: sends a changed status first.
 */
export function tellStatus(
  channel: Pick<FrameChannel, 'send' | 'room'>,
  current: () => StatusNow | null,
): (isLast?: boolean) => void {
  let told = ''
  let toldAt = 0
  let isWaiting = false
  let isOver = false

  const say = () => {
    const status = current()
    if (status === null) return
    const frame = statusFrame(status, Date.now())
    const text = JSON.stringify(frame)
    const now = performance.now()
    if (text === told && now - toldAt < ANEW_AFTER_MS) return
    told = text
    toldAt = now
    channel.send('status', frame)
  }
  const tell = async (): Promise<void> => {
    // On a slow line status frames must not queue up.
    if (isWaiting) return
    isWaiting = true
    await channel.room()
    isWaiting = false
    if (!isOver) say()
  }

  void tell()
  const timer = setInterval(() => void tell(), ALIVE_EVERY_MS)
  return (isLast) => {
    isOver = true
    clearInterval(timer)
    if (isLast) say()
  }
}
