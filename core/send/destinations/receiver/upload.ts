import type { Semaphore } from '../../../lib/async/semaphore.ts'
import type { FrameChannel } from '../../../protocol/channel.ts'
import { wordsOfFacts } from '../../../protocol/facts.ts'
import { chunkBuffers } from '../../../protocol/frame-buffers.ts'
import type { RateLease } from '../../rate-limit/bucket.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { Outgoing, Upload } from '../destination.ts'
import { answerOf } from '../store-answers.ts'
import type { Told } from './metadata-cache.ts'
import type { Pending } from './outstanding-requests.ts'

/** What the frames of a session share. */
export interface ReceiverSessionParts {
  channel: Pick<FrameChannel, 'send' | 'room'>
  /** The receiver's name, for what people are told. */
  receiver: string
  pending: Pending
  told: Told
  /** What the receiver has room for. */
  bytesCredit: Semaphore
  filesCredit: Semaphore
  /** Files in chunks. */
  openFiles: Semaphore
  /** Held by the small files that wait for the line. */
  smallTurn: Semaphore
  /** What may go on the line now, by the limit. */
  pace: RateLease
  isClosed(): boolean
}

/** See Session.begin. */
export async function beginUpload(
  parts: ReceiverSessionParts,
  file: Outgoing,
  directories: readonly FoundDirectory[],
  identity?: string,
): Promise<Upload | null> {
  const { channel, pending, told, bytesCredit, filesCredit, openFiles, pace, isClosed } = parts
  if (!(await openFiles.acquire())) return null
  if (!(await filesCredit.acquire()) || isClosed()) return null
  const { source, path, facts } = file
  const { size } = facts
  const number = told.numberOf(source)
  const { id, result } = pending.file('content')
  let answered = false
  const answer = result.then((said) => {
    answered = true
    return said === null
      ? ({ kind: 'lost' } as const)
      : answerOf(said, parts.receiver, { source, path, size })
  })
  const known = identity === undefined ? 0 : pending.resume(id, size)
  const entries = told.news(source, directories)
  const header = { id, source: number, path, size, facts: wordsOfFacts(facts), directories: entries }
  channel.send('begin', { ...header, ...(identity === undefined ? {} : { file: identity }) })
  // A file that is refused has no answer but the refusal.
  const offset = await Promise.race([known, answer.then(() => 0)])
  pending.forgetResume(id)

  const finish = () => {
    openFiles.release()
    return answer
  }
  /** Waits for credit and for the line; false: there is no need any more. `paid`: bytes that the line is used for. */
  const mayGo = async (bytes: number, paid: number): Promise<boolean> => {
    if (!(await bytesCredit.acquire(bytes))) return false
    const isOpen = paid === 0 || (await pace.take(paid))
    await channel.room()
    if (isOpen && !isClosed() && !answered) return true
    bytesCredit.release(bytes)
    return false
  }
  return {
    offset,
    async chunk(bytes) {
      if (!(await mayGo(bytes.length, bytes.length))) return false
      channel.send('chunk', { id }, [bytes], () => chunkBuffers.give(bytes))
      return true
    },
    async zeros(count) {
      if (!(await mayGo(count, 0))) return false
      channel.send('chunk', { id, zeros: count })
      return true
    },
    end(digest) {
      channel.send('end', { id, digest })
      return finish()
    },
    abort(keep) {
      channel.send('abort', identity !== undefined && keep ? { id, keep } : { id })
      return finish()
    },
  }
}
