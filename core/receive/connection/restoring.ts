import { errorCode, errorText } from '../../platform/system-error.ts'
import type { FrameChannel } from '../../protocol/channel.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { FetchEntry, Frame, FrameHeader, Question, RestoreAnswer } from '../../protocol/frames.ts'
import {
  MAX_FETCH_BYTES,
  MAX_FETCH_PARTS,
  MAX_FETCHED,
  MAX_QUESTIONS,
  MAX_SOURCES,
  SMALL_FILE_BYTES,
} from '../../protocol/limits.ts'
import { encodeMetadata } from '../../protocol/metadata-codec.ts'
import type { ContentsPage, Range, RangesRead } from '../../store/query/query.ts'
import type { ConnectionHost } from './host.ts'

const contentsTold = ({
  contents,
  directories,
  strange,
  strangeNames,
  next,
}: ContentsPage): RestoreAnswer => ({
  about: 'contents',
  contents: contents.map(({ folder, path, version, facts, digest, storedAt }) => [
    folder,
    path,
    version,
    facts.size,
    encodeMetadata(facts),
    digest,
    storedAt,
  ]),
  directories: directories.map(({ folder, path, facts }) => [folder, path, encodeMetadata(facts)]),
  strange,
  strangeNames,
  next,
})

/** Returns how many parts to read and send together: up to SMALL_FILE_BYTES and MAX_FETCHED, but at least one. */
function firstParts(waiting: readonly FetchEntry[]): number {
  let bytes = 0
  const end = waiting.findIndex((part, index) => {
    bytes += part[5]
    return bytes > SMALL_FILE_BYTES || index === MAX_FETCHED
  })
  return end === -1 ? waiting.length : Math.max(1, end)
}

const toRange = ([, folder, path, version, from, bytes]: FetchEntry): Range => ({
  folder,
  path,
  version,
  from,
  bytes,
})

/** A connection that serves a sender's own files. Each frame is answered independently. */
export class Restoring {
  readonly #channel: FrameChannel
  readonly #host: Pick<ConnectionHost, 'store' | 'sourceIn'>
  readonly #sender: string
  #questions = 0
  #waiting: FetchEntry[] = []
  #bytes = 0
  #isSending = false

  /** @param sender the sender's own folder, the only one that is read. */
  constructor(channel: FrameChannel, host: Pick<ConnectionHost, 'store' | 'sourceIn'>, sender: string) {
    this.#channel = channel
    this.#host = host
    this.#sender = sender
  }

  /** @throws ProtocolError if the peer exceeds a limit, or the frame is not valid here. */
  handle(frame: Frame) {
    if (frame.type === 'fetch') return this.#fetch(frame.header)
    if (frame.type !== 'ask') throw new ProtocolError(`${frame.type} frame not expected now`)
    if (this.#questions >= MAX_QUESTIONS) throw new ProtocolError('too many questions at a time')
    void this.#ask(frame.header)
  }

  close(): void {
    this.#waiting = []
  }

  async #ask({ id, question }: FrameHeader<'ask'>): Promise<void> {
    this.#questions += 1
    try {
      const answer = await this.#answerTo(question)
      await this.#channel.room()
      this.#channel.send('told', { id, answer })
    } catch (error) {
      // It cannot be read, or the answer exceeds the size of a frame.
      const reason = errorCode(error) ?? errorText(error)
      this.#channel.send('told', { id, answer: { about: 'failed', reason: reason.slice(0, 1000) } })
    } finally {
      this.#questions -= 1
    }
  }

  async #answerTo(question: Question): Promise<RestoreAnswer> {
    const { store } = this.#host
    const sender = this.#sender
    switch (question.about) {
      case 'folders': {
        const names = (await store.read('folders', { sender })).slice(0, MAX_SOURCES)
        return {
          about: 'folders',
          folders: names.map((name) => ({ name, source: this.#host.sourceIn(sender, name) })),
        }
      }
      case 'entries':
        return { about: 'entries', ...(await store.read('entries', { sender, asked: question })) }
      case 'contents':
        return contentsTold(await store.read('contents', { sender, asked: question }))
      case 'counts':
        return { about: 'counts', ...(await store.read('counts', { sender, asked: question })) }
    }
  }

  #fetch({ parts }: FrameHeader<'fetch'>): void {
    for (const part of parts) this.#bytes += part[5]
    this.#waiting.push(...parts)
    if (this.#bytes > MAX_FETCH_BYTES || this.#waiting.length > MAX_FETCH_PARTS)
      throw new ProtocolError('more was asked for than may be at a time')
    if (!this.#isSending) void this.#sendAll()
  }

  /** Sends one piece after the other: the next one is read only after the connection has taken this one. */
  async #sendAll(): Promise<void> {
    this.#isSending = true
    while (this.#waiting.length > 0 && !this.#channel.closed) {
      const parts = this.#waiting.splice(0, firstParts(this.#waiting))
      const { reads, bytes: content } = await this.#readParts(parts)
      await this.#channel.room()
      for (const part of parts) this.#bytes -= part[5]
      const said = parts.map(([id], index): [number, number, string] => {
        const one = reads[index]
        return [id, one?.bytes ?? 0, one?.fault ?? 'EIO']
      })
      const payload = content.length === 0 ? [] : [content]
      this.#channel.send('content', { parts: said }, payload, () => batchBuffers.give(content))
    }
    this.#isSending = false
  }

  async #readParts(parts: readonly FetchEntry[]): Promise<RangesRead> {
    const memory = batchBuffers.takeRoom()
    const asked = { sender: this.#sender, job: { ranges: parts.map(toRange), memory } }
    return this.#host.store.read('ranges', asked, [memory.buffer]).catch((error: unknown) => {
      const fault = (errorCode(error) ?? 'EIO').slice(0, 40)
      return { reads: parts.map(() => ({ bytes: 0, fault })), bytes: new Uint8Array() }
    })
  }
}
