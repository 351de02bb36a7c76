import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Channel } from '../../wire/channel.ts'
import { WireFault } from '../../wire/codec.ts'
import type { Frame, FrameHeader } from '../../wire/frames.ts'
import type { FileStatus } from '../../wire/limits.ts'
import type { Outcome } from '../file-refused.ts'
import type { Store } from '../store/store.ts'
import type { Window } from './answers.ts'
import { openAnswers } from './answers.ts'
import { openLargeFiles } from './session-large.ts'
import type { Asked, SessionParts } from './session-parts.ts'
import { receiveBatch } from './session-small.ts'

/** Copies of one connection that ask the store at a time, which serves whoever asks first. */
const COPIES_AT_ONCE = 8

export interface SendingHandlers {
  /** Files became durable. */
  onReceived(files: number, bytes: number): void
  /** A file was not stored. */
  onRefused(source: string, path: string, outcome: Outcome): void
}

/** The part of a connection that stores files, for a sender that was let in. */
export interface Sending {
  /** @throws WireFault */
  handle(frame: Frame): void
  /** The connection is gone. Half files are thrown away; `keep`: but those that can be gone on with. */
  close(keep: boolean): void
}

const stored = (status: FileStatus) => status === 'durable' || status === 'same'

/** @param folder the sender's folder in the store. */
export function openSending(
  channel: Channel,
  store: Store,
  folder: string,
  window: Window,
  handlers: SendingHandlers,
): Sending {
  const gone = new AbortController()
  const arriving = store.enter(folder)
  const copyTurns = createSemaphore(COPIES_AT_ONCE)
  let isClosed = false
  const leaveWhenIdle = () => {
    if (isClosed && answers.isIdle) arriving.leave()
  }
  const answers = openAnswers(channel, window, leaveWhenIdle)

  const answer = ({ id, source, path, size }: Asked, outcome: Outcome) => {
    if (stored(outcome.status)) handlers.onReceived(1, size)
    else if (outcome.status !== 'aborted' && outcome.status !== 'unknown')
      handlers.onRefused(source, path, outcome)
    answers.add(id, outcome)
  }

  const parts: SessionParts = { store, folder, answers, arriving, answer }
  const large = openLargeFiles(parts, (header) => channel.send('resume', header))

  const copy = (header: FrameHeader<'copy'>) => {
    const { id, source, path, size, time: mtimeMs, mode, digest, fromSource, fromPath } = header
    answers.spend(0, 1)
    const from = { source: fromSource, path: fromPath }
    const facts = { folder, source, path, size, mtimeMs, mode, arrival: arriving.next() }
    const isQuestion = source === fromSource && path === fromPath
    // As it came it is a part of the whole frame, which would wait with it.
    const own = Buffer.from(digest)
    void store.copy(facts, from, own, gone.signal, copyTurns).then((outcome) => {
      // A question whether a file is still there stores none. Nothing of a copy came over the line.
      if (isQuestion) answers.add(id, outcome)
      else answer({ id, source, path, size: 0 }, outcome)
    })
  }

  return {
    handle(frame) {
      switch (frame.type) {
        case 'batch':
          return receiveBatch(parts, frame.header.files, frame.payload)
        case 'begin':
          return large.begin(frame.header)
        case 'chunk':
          return large.chunk(frame.header, frame.payload)
        case 'end':
          return large.end(frame.header)
        case 'abort':
          return large.abort(frame.header)
        case 'copy':
          return copy(frame.header)
        default:
          throw new WireFault(`${frame.type} frame not expected now`)
      }
    },
    close(keep) {
      large.close(keep)
      gone.abort()
      isClosed = true
      leaveWhenIdle()
    },
  }
}
