import type { Semaphore } from '../../../lib/async/semaphore.ts'
import type { FrameChannel } from '../../../protocol/channel.ts'
import { encodeMetadata } from '../../../protocol/facts.ts'
import { chunkBuffers } from '../../../protocol/frame-buffers.ts'
import type { RateLease } from '../../rate-limit/bucket.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { Outgoing, Upload } from '../destination.ts'
import { toAnswer } from '../store-answers.ts'
import type { Told } from './metadata-cache.ts'
import type { OutstandingRequests } from './outstanding-requests.ts'

/** The shared parts of a session. */
export interface ReceiverSessionParts {
  channel: Pick<FrameChannel, 'send' | 'room'>
  /** The receiver's name, for messages. */
  receiver: string
  pending: OutstandingRequests
  told: Told
  /** The receiver's credit. */
  bytesCredit: Semaphore
  filesCredit: Semaphore
  /** Large files under way. */
  openFiles: Semaphore
  /** Held by the group of small files that waits for the line. */
  smallTurn: Semaphore
  /** This session's share of the rate limit. */
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
  const number = told.getSourceNumber(source)
  const { id, result } = pending.file('content')
  let answered = false
  const answer = result.then((said) => {
    answered = true
    return said === null
      ? ({ kind: 'lost' } as const)
      : toAnswer(said, parts.receiver, { source, path, size })
  })
  const known = identity === undefined ? 0 : pending.resume(id, size)
  const entries = told.news(source, directories)
  const header = { id, source: number, path, size, facts: encodeMetadata(facts), directories: entries }
  channel.send('begin', { ...header, ...(identity === undefined ? {} : { file: identity }) })
  // A refused file gets only its refusal as an answer.
  const offset = await Promise.race([known, answer.then(() => 0)])
  pending.forgetResume(id)

  const finish = () => {
    openFiles.release()
    return answer
  }
  /**
   * Waits for credit and for the line; returns false if sending is pointless. `paid`: bytes that count for the rate.
   */
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
