import { createSemaphore } from '../../../pacing/semaphore.ts'
import type { Channel } from '../../../wire/channel.ts'
import { WireFault } from '../../../wire/codec.ts'
import { wordsOfFacts } from '../../../wire/facts.ts'
import type { Frame, FrameHeader } from '../../../wire/frames.ts'
import {
  BATCH_MAX_FILES,
  BATCH_TARGET_BYTES,
  MAX_OPEN_FILES,
  RESUME_LEAST_BYTES,
  SMALL_FILE_BYTES,
  WHOLE_FILE_BYTES,
} from '../../../wire/limits.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { Answer, Session, SmallEvents, SmallOutgoing } from '../destination.ts'
import type { Result } from './answers.ts'
import { answerOf } from './answers.ts'
import type { Batches } from './batches.ts'
import { headerBytesOf, openBatches } from './batches.ts'
import { createPending } from './pending.ts'
import { openTold } from './told.ts'
import type { SessionParts } from './upload.ts'
import { beginUpload } from './upload.ts'

/** What the receiver's welcome says of the session's first credit. */
export type Welcome = Pick<FrameHeader<'welcome'>, 'bytes' | 'files'>

/** One connection that was welcomed. */
export interface ReceiverSession extends Session {
  onFrame(frame: Frame): void
  close(): void
}

export interface SessionOptions {
  /** The receiver's name, for what people are told. */
  receiver: string
  /** How many bytes of contents one batch should hold, at most BATCH_TARGET_BYTES. */
  batchBytes?: () => number
  asksFirst?: boolean
}

/** See Session.sendSmall. */
async function sendSmall(
  { filesCredit, bytesCredit, pending, told, receiver, isClosed }: SessionParts,
  batches: Batches,
  files: readonly SmallOutgoing[],
  directories: readonly FoundDirectory[],
  { onTurn, onWire, onUsed, onAnswer }: SmallEvents,
): Promise<void> {
  const bytes = files.reduce((total, { facts }) => total + facts.size, 0)
  const hasCredit = (await filesCredit.acquire(files.length)) && (await bytesCredit.acquire(bytes))
  const [one] = files
  // It may have ended between the credit and this.
  if (!hasCredit || isClosed() || one === undefined) {
    for (const index of files.keys()) onAnswer(index, { kind: 'lost' })
    return
  }
  const { source } = one
  const number = told.numberOf(source)
  // Kept until the answers: the contents themselves are not.
  const names = files.map(({ path, facts: { size } }) => ({ source, path, size }))
  const first = pending.files(files.length, (index, said) => {
    const name = names[index]
    const isLost = said === null || name === undefined
    onAnswer(index, isLost ? { kind: 'lost' } : answerOf(said, receiver, name))
  })
  const news = told.news(source, directories)
  const headerBytes = [...files, ...news].reduce(
    (total, { path, facts }) => total + headerBytesOf(path, facts.more),
    0,
  )
  batches.add({
    files: files.map(({ path, facts, digest }, index) => {
      return [(first + index) >>> 0, number, path, facts.size, wordsOfFacts(facts), digest]
    }),
    directories: told.entriesOf(source, news),
    payload: files.map((file) => file.bytes),
    bytes,
    headerBytes,
    onTurn() {
      if (onTurn()) return true
      pending.cancel(first, names.length)
      filesCredit.release(names.length)
      bytesCredit.release(bytes)
      told.forget(source, news)
      return false
    },
    onWire,
    onUsed,
  })
}

export function openSession(
  channel: Channel,
  welcome: Welcome,
  { receiver, batchBytes = () => BATCH_TARGET_BYTES, asksFirst = false }: SessionOptions,
): ReceiverSession {
  let closed = false
  const pending = createPending()
  const told = openTold((source) => channel.send('source', source))
  const bytesCredit = createSemaphore(welcome.bytes)
  const filesCredit = createSemaphore(welcome.files)
  const openFiles = createSemaphore(MAX_OPEN_FILES)
  const batches = openBatches(channel, batchBytes)
  const isClosed = () => closed
  const parts = { channel, receiver, pending, told, bytesCredit, filesCredit, openFiles, isClosed }

  return {
    asksFirst,

    limits: {
      files: Math.max(1, Math.min(BATCH_MAX_FILES, welcome.files)),
      get bytes() {
        return Math.min(batchBytes(), welcome.bytes)
      },
      // On a slow line others wait for a frame: then its files are small ones.
      get fileBytes() {
        const batch = Math.min(batchBytes(), welcome.bytes)
        return Math.min(SMALL_FILE_BYTES, Math.max(WHOLE_FILE_BYTES, batch))
      },
      resumeBytes: RESUME_LEAST_BYTES,
    },

    sendSmall: (files, directories, events) => sendSmall(parts, batches, files, directories, events),
    begin: (file, directories, identity) => beginUpload(parts, file, directories, identity),

    async copy({ source, path, facts }, directories, digest, from) {
      const lost: Answer = { kind: 'lost' }
      if (!(await filesCredit.acquire()) || closed) return lost
      const number = told.numberOf(source)
      const fromSource = told.numberOf(from.source)
      const { id, result } = pending.file('copy')
      const { size } = facts
      const header = { id, source: number, path, size, facts: wordsOfFacts(facts), digest }
      const entries = told.entriesOf(source, told.news(source, directories))
      const of = { fromSource, fromPath: from.path, moved: from.isMoved, directories: entries }
      channel.send('copy', { ...header, ...of })
      const said: Result | null = await result
      if (said === null) return lost
      return said.status === 'unknown' ? null : answerOf(said, receiver, { source, path, size })
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

    close() {
      closed = true
      batches.close()
      for (const credit of [bytesCredit, filesCredit, openFiles]) credit.close()
      pending.close()
    },
    get closed() {
      return closed
    },
  }
}
