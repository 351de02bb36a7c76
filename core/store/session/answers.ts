import type { FrameChannel } from '../../protocol/channel.ts'
import { WireFault } from '../../protocol/codec.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import { BATCH_MAX_FILES, fileStatuses } from '../../protocol/limits.ts'
import type { Outcome } from '../outcome.ts'

/** What a sender may have on its way before it is answered. */
export interface AnswerWindow {
  bytes: number
  files: number
}

/**
 * What a sender is told of its files, and the credit that goes with it.
 * Answers are gathered for one turn of the event loop, so a group commit's files are answered together. They wait for
 * the sender to read what it was told before: one that never reads gets no credit either, and so can send no more.
 */
export function openAnswers(channel: Pick<FrameChannel, 'send' | 'room'>, window: AnswerWindow) {
  const credit = { ...window }
  let results: [number, number, string][] = []
  const proofs: FrameHeader<'proof'>[] = []
  let position = 0
  let bytesBack = 0
  let flushing = false

  const flush = () => {
    flushing = false
    if (bytesBack > 0) channel.send('credit', { bytes: bytesBack })
    credit.bytes += bytesBack
    bytesBack = 0
    credit.files += results.length + proofs.length
    for (const proof of proofs.splice(0)) channel.send('proof', proof)
    while (results.length > 0) {
      channel.send('result', { position, results: results.slice(0, BATCH_MAX_FILES) })
      results = results.slice(BATCH_MAX_FILES)
    }
  }
  const soon = () => {
    if (flushing) return
    flushing = true
    setImmediate(() => void channel.room().then(flush))
  }

  return {
    /** The sender has used up so much of its credit. @throws WireFault where it had not so much. */
    spend(bytes: number, files: number) {
      if (bytes > credit.bytes || files > credit.files)
        throw new WireFault('more was sent than credit was given for')
      credit.bytes -= bytes
      credit.files -= files
    },
    giveBack(bytes: number) {
      if (bytes === 0) return
      bytesBack += bytes
      soon()
    },
    /** What became of a file, by the sender's number for it. */
    add(id: number, { status, detail }: Outcome, at: number) {
      results.push([id, fileStatuses.indexOf(status), detail.slice(0, 200)])
      position = Math.max(position, at)
      soon()
    },
    /** What was asked to be proven. */
    prove(proof: FrameHeader<'proof'>) {
      proofs.push(proof)
      soon()
    },
  }
}
