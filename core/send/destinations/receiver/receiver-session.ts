import { createSemaphore } from '../../../lib/async/semaphore.ts'
import type { FrameChannel } from '../../../protocol/channel.ts'
import { WireFault } from '../../../protocol/codec.ts'
import { encodeMetadata } from '../../../protocol/facts.ts'
import type { Frame, FrameHeader } from '../../../protocol/frames.ts'
import { BATCH_MAX_FILES, MAX_OPEN_FILES } from '../../../protocol/limits.ts'
import { Bucket, bytesAhead } from '../../rate-limit/bucket.ts'
import type { Answer, OwnSession, Space } from '../destination.ts'
import { toAnswer } from '../store-answers.ts'
import { openTold } from './metadata-cache.ts'
import { OutstandingRequests } from './outstanding-requests.ts'
import { sendSmallFiles } from './small-files.ts'
import { beginUpload, type ReceiverSessionParts } from './upload.ts'

/** The session's first credit, from the receiver's welcome. */
export type Welcome = Pick<FrameHeader<'welcome'>, 'bytes' | 'files'>

export interface SessionOptions {
  /** The receiver's name, for messages. */
  receiver: string
  /** The limit on sending; left out: none. */
  bucket?: Bucket
  asksFirst?: boolean
  /** Left out: the receiver reports its space to its own user. */
  space?(): Promise<Space>
}

/** A session on a welcomed connection, or with a store in this process. */
export class ReceiverSession implements OwnSession {
  readonly asksFirst: boolean
  readonly copies = 'any'
  readonly limits: OwnSession['limits']
  readonly space?: () => Promise<Space>
  readonly #parts: ReceiverSessionParts
  #isClosed = false

  constructor(
    channel: Pick<FrameChannel, 'send' | 'room'>,
    welcome: Welcome,
    { receiver, bucket = new Bucket(), asksFirst = false, space }: SessionOptions,
  ) {
    this.asksFirst = asksFirst
    this.limits = {
      files: Math.max(1, Math.min(BATCH_MAX_FILES, welcome.files)),
      get bytes() {
        return Math.min(bytesAhead(bucket), welcome.bytes)
      },
    }
    if (space !== undefined) this.space = space
    this.#parts = {
      channel,
      receiver,
      pending: new OutstandingRequests(),
      told: openTold((source) => channel.send('source', source)),
      bytesCredit: createSemaphore(welcome.bytes),
      filesCredit: createSemaphore(welcome.files),
      openFiles: createSemaphore(MAX_OPEN_FILES),
      smallTurn: createSemaphore(1),
      pace: bucket.open(),
      isClosed: () => this.#isClosed,
    }
  }

  get closed(): boolean {
    return this.#isClosed
  }

  readonly sendSmall: OwnSession['sendSmall'] = (...group) => sendSmallFiles(this.#parts, ...group)

  readonly begin: OwnSession['begin'] = (...large) => beginUpload(this.#parts, ...large)

  readonly copy: OwnSession['copy'] = async ({ source, path, facts }, directories, digest, from) => {
    const { channel, receiver, pending, told, filesCredit } = this.#parts
    const lost: Answer = { kind: 'lost' }
    if (!(await filesCredit.acquire()) || this.#isClosed) return lost
    const number = told.getSourceNumber(source)
    const fromSource = told.getSourceNumber(from.source)
    const { id, result } = pending.file('copy')
    const { size } = facts
    const header = { id, source: number, path, size, facts: encodeMetadata(facts), digest }
    const entries = told.news(source, directories)
    const of = { fromSource, fromPath: from.path, moved: from.isMoved, directories: entries }
    channel.send('copy', { ...header, ...of })
    const said = await result
    if (said === null) return lost
    return said.outcome.status === 'unknown' ? null : toAnswer(said, receiver, { source, path, size })
  }

  readonly prove: OwnSession['prove'] = async (source, path, size, nonce) => {
    const { channel, pending, told, filesCredit } = this.#parts
    if (!(await filesCredit.acquire()) || this.#isClosed) return { kind: 'unavailable' }
    const number = told.getSourceNumber(source)
    const { id, proof } = pending.proof()
    channel.send('prove', { id, source: number, path, size, nonce })
    return proof
  }

  onFrame({ type, header }: Frame): void {
    const { pending, filesCredit, bytesCredit } = this.#parts
    if (type === 'result') {
      pending.onResult(header)
      filesCredit.release(header.results.length)
    } else if (type === 'proof') {
      pending.onProof(header)
      filesCredit.release(1)
    } else if (type === 'credit') bytesCredit.release(header.bytes)
    else if (type === 'resume') pending.onResume(header)
    else throw new WireFault(`${type} frame not expected now`)
  }

  close(): void {
    const { pace, bytesCredit, filesCredit, openFiles, pending } = this.#parts
    this.#isClosed = true
    pace.close()
    for (const credit of [bytesCredit, filesCredit, openFiles]) credit.close()
    pending.close()
  }
}
