import type { Message } from '../../../lib/i18n/message.ts'
import { ALIVE_EVERY_MS, type FrameChannel } from '../../../protocol/channel.ts'
import { type FrameHeader, sentenceParts } from '../../../protocol/frames.ts'
import { LONGEST_SENTENCE, LONGEST_WORD } from '../../../protocol/limits.ts'

/** Said anew after this though nothing has changed: once a minute, also when a heartbeat comes late. */
const ANEW_AFTER_MS = 55_000

type Status = FrameHeader<'status'>

/** With the sentence in parts the frame stays below what it may have. */
const MOST_BYTES = 3 * 1024

/** What this computer says of itself, and what waits here for the receiver. */
export interface StatusNow extends Pick<Status, 'level' | 'kind' | 'sentence' | 'version'> {
  oldestWaitingAt: number | null
  waitingFiles: number
  words?: Message | undefined
}

/** As one line of at most so many UTF-16 units: a file's name in it may have any character. */
function line(text: string, longest: number): string {
  const plain = text.replace(/\p{Cc}+/gu, ' ')
  const short = plain.length <= longest ? plain : `${plain.slice(0, longest - 1)}…`
  return short.toWellFormed()
}

/** As the protocol has it, whatever the words are: a frame that is refused would end the connection. Pure. */
export function statusFrame(status: StatusNow, now: number): Status {
  const { level, kind, sentence, version, oldestWaitingAt, waitingFiles } = status
  const frame = {
    level,
    kind: kind === null ? null : line(kind, LONGEST_WORD),
    sentence: line(sentence, LONGEST_SENTENCE),
    // A file may have any time; what waits has waited until now at most.
    oldestWaitingAt: oldestWaitingAt === null ? null : Math.min(oldestWaitingAt, now),
    waitingFiles,
    version: line(version, LONGEST_WORD),
  }
  const words = sentenceParts.safeParse(status.words)
  const whole = { ...frame, ...(words.success ? { words: words.data } : {}) }
  return Buffer.byteLength(JSON.stringify(whole)) <= MOST_BYTES ? whole : frame
}

/**
 * Tells the receiver how this computer is: now, with the heartbeat where it has changed, and once a minute.
 * @param current null: there is nothing to tell.
 * @returns what ends it; `isLast`: what is new is told at once, before it.
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
    // On a line that is slower than what is said none queues up behind the other.
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
