import type { FrameChannel } from '../../protocol/channel.ts'
import { WireFault } from '../../protocol/codec.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import { BATCH_MAX_FILES, fileStatuses } from '../../protocol/limits.ts'
import type { Outcome } from '../outcome.ts'

/** Bytes and files that a sender may send before it gets an answer. */
export interface AnswerWindow {
  bytes: number
  files: number
}

/**
 * Sends results and credit to a sender.
 * Answers are collected for one turn of the event loop, so that the files of a group commit are answered together. They
 * wait until the sender has read earlier answers: a sender that never reads gets no credit and must stop sending.
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
    /** Subtracts from the sender's credit. @throws WireFault if the credit is not sufficient */
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
    /** Adds the outcome of a file, by the sender's number for it. */
    add(id: number, { status, detail }: Outcome, at: number) {
      results.push([id, fileStatuses.indexOf(status), detail.slice(0, 200)])
      position = Math.max(position, at)
      soon()
    },
    /** Adds a proof. */
    prove(proof: FrameHeader<'proof'>) {
      proofs.push(proof)
      soon()
    },
  }
}
