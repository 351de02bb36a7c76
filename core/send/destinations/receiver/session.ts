import { createSemaphore } from '../../../pacing/semaphore.ts'
import type { FrameChannel } from '../../../wire/channel.ts'
import { WireFault } from '../../../wire/codec.ts'
import { wordsOfFacts } from '../../../wire/facts.ts'
import type { Frame, FrameHeader } from '../../../wire/frames.ts'
import { BATCH_MAX_FILES, MAX_OPEN_FILES } from '../../../wire/limits.ts'
import { Bucket, bytesAhead } from '../../limit/bucket.ts'
import type { Answer, OwnSession, Space } from '../destination.ts'
import { answerOf } from '../store-answers.ts'
import { createPending } from './pending.ts'
import { sendSmallFiles } from './small-files.ts'
import { openTold } from './told.ts'
import { beginUpload } from './upload.ts'

/** What the receiver's welcome says of the session's first credit. */
export type Welcome = Pick<FrameHeader<'welcome'>, 'bytes' | 'files'>

/** One connection that was welcomed, or a store in this process. */
export interface ReceiverSession extends OwnSession {
  onFrame(frame: Frame): void
}

export interface SessionOptions {
  /** The receiver's name, for what people are told. */
  receiver: string
  /** What sending may use of the line; left out: all of it. */
  bucket?: Bucket
  asksFirst?: boolean
  /** Left out: the receiver tells its own person. */
  space?(): Promise<Space>
}

export function openSession(
  channel: Pick<FrameChannel, 'send' | 'room'>,
  welcome: Welcome,
  { receiver, bucket = new Bucket(), asksFirst = false, space }: SessionOptions,
): ReceiverSession {
  let closed = false
  const pending = createPending()
  const told = openTold((source) => channel.send('source', source))
  const bytesCredit = createSemaphore(welcome.bytes)
  const filesCredit = createSemaphore(welcome.files)
  const openFiles = createSemaphore(MAX_OPEN_FILES)
  const smallTurn = createSemaphore(1)
  const pace = bucket.open()
  const isClosed = () => closed
  const parts = {
    ...{ channel, receiver, pending, told, pace, isClosed },
    ...{ bytesCredit, filesCredit, openFiles, smallTurn },
  }

  return {
    asksFirst,
    copies: 'any',

    limits: {
      files: Math.max(1, Math.min(BATCH_MAX_FILES, welcome.files)),
      get bytes() {
        return Math.min(bytesAhead(bucket), welcome.bytes)
      },
    },

    sendSmall: (files, directories, events) => sendSmallFiles(parts, files, directories, events),
    begin: (file, directories, identity) => beginUpload(parts, file, directories, identity),

    async copy({ source, path, facts }, directories, digest, from) {
      const lost: Answer = { kind: 'lost' }
      if (!(await filesCredit.acquire()) || closed) return lost
      const number = told.numberOf(source)
      const fromSource = told.numberOf(from.source)
      const { id, result } = pending.file('copy')
      const { size } = facts
      const header = { id, source: number, path, size, facts: wordsOfFacts(facts), digest }
      const entries = told.news(source, directories)
      const of = { fromSource, fromPath: from.path, moved: from.isMoved, directories: entries }
      channel.send('copy', { ...header, ...of })
      const said = await result
      if (said === null) return lost
      return said.outcome.status === 'unknown' ? null : answerOf(said, receiver, { source, path, size })
    },

    async prove(source, path, size, nonce) {
      if (!(await filesCredit.acquire()) || closed) return { kind: 'unavailable' }
      const number = told.numberOf(source)
      const { id, proof } = pending.proof()
      channel.send('prove', { id, source: number, path, size, nonce })
      return proof
    },

    onFrame({ type, header }) {
      if (type === 'result') {
        pending.onResult(header)
        filesCredit.release(header.results.length)
      } else if (type === 'proof') {
        pending.onProof(header)
        filesCredit.release(1)
      } else if (type === 'credit') bytesCredit.release(header.bytes)
      else if (type === 'resume') pending.onResume(header)
      else throw new WireFault(`${type} frame not expected now`)
    },

    ...(space === undefined ? {} : { space }),
    close() {
      closed = true
      pace.close()
      for (const credit of [bytesCredit, filesCredit, openFiles]) credit.close()
      pending.close()
    },
    get closed() {
      return closed
    },
  }
}
