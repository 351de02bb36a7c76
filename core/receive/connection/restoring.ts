import { errorCode, errorText } from '../../files/system-error.ts'
import type { ContentsPage } from '../../store/reading/contents.ts'
import type { Range, RangesRead } from '../../store/reading/ranges.ts'
import type { Store } from '../../store/store.ts'
import type { FrameChannel } from '../../wire/channel.ts'
import { WireFault } from '../../wire/codec.ts'
import { wordsOfFacts } from '../../wire/facts.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Frame, FrameHeader } from '../../wire/frames.ts'
import {
  MAX_FETCH_BYTES,
  MAX_FETCH_PARTS,
  MAX_FETCHED,
  MAX_QUESTIONS,
  MAX_SOURCES,
  SMALL_FILE_BYTES,
} from '../../wire/limits.ts'
import type { FetchEntry, Question, RestoreAnswer } from '../../wire/restore-entries.ts'

/** A connection by which a sender gets its own files back. It keeps nothing: each frame is answered by itself. */
export type Restoring = ReturnType<typeof openRestoring>

const contentsTold = ({ contents, directories, strange, next }: ContentsPage): RestoreAnswer => ({
  about: 'contents',
  contents: contents.map(({ folder, path, version, facts, digest, storedAt }) => [
    folder,
    path,
    version,
    facts.size,
    wordsOfFacts(facts),
    digest,
    storedAt,
  ]),
  directories: directories.map(({ folder, path, facts }) => [folder, path, wordsOfFacts(facts)]),
  strange,
  next,
})

/** The parts that are read and sent together: so many bytes, at least one part. */
function firstParts(waiting: readonly FetchEntry[]): number {
  let bytes = 0
  const end = waiting.findIndex((part, index) => {
    bytes += part[5]
    return bytes > SMALL_FILE_BYTES || index === MAX_FETCHED
  })
  return end === -1 ? waiting.length : Math.max(1, end)
}

const rangeOf = ([, folder, path, version, from, bytes]: FetchEntry): Range => ({
  folder,
  path,
  version,
  from,
  bytes,
})

/**
 * @param sender the folder that is the sender's own: nothing else is looked at.
 * @param sourceIn the source that a directory in it belongs to.
 */
export function openRestoring(
  channel: Pick<FrameChannel, 'send' | 'room' | 'closed'>,
  read: Store['read'],
  sender: string,
  sourceIn: (directory: string) => string | null,
) {
  let questions = 0
  let waiting: FetchEntry[] = []
  let bytes = 0
  let isSending = false

  const folders = async () => {
    const names = await read('folders', { sender })
    return names.slice(0, MAX_SOURCES).map((name) => ({ name, source: sourceIn(name) }))
  }

  const answerTo = async (question: Question): Promise<RestoreAnswer> => {
    switch (question.about) {
      case 'folders':
        return { about: 'folders', folders: await folders() }
      case 'entries':
        return { about: 'entries', ...(await read('entries', { sender, asked: question })) }
      case 'contents':
        return contentsTold(await read('contents', { sender, asked: question }))
    }
  }

  const ask = async ({ id, question }: FrameHeader<'ask'>): Promise<void> => {
    questions += 1
    try {
      const answer = await answerTo(question)
      await channel.room()
      channel.send('told', { id, answer })
    } catch (thrown) {
      // It cannot be read, or is more than a frame holds.
      const reason = errorCode(thrown) ?? errorText(thrown)
      channel.send('told', { id, answer: { about: 'failed', reason: reason.slice(0, 1000) } })
    } finally {
      questions -= 1
    }
  }

  const readParts = async (parts: readonly FetchEntry[]): Promise<RangesRead> => {
    const memory = batchBuffers.takeRoom()
    const job = { ranges: parts.map(rangeOf), memory }
    return read('ranges', { sender, job }, [memory.buffer]).catch((thrown: unknown) => {
      const fault = (errorCode(thrown) ?? 'EIO').slice(0, 40)
      return { reads: parts.map(() => ({ bytes: 0, fault })), bytes: new Uint8Array() }
    })
  }

  /** One piece after the other: what is read waits for the line, and nothing is read ahead of it. */
  const sendAll = async (): Promise<void> => {
    isSending = true
    while (waiting.length > 0 && !channel.closed) {
      const parts = waiting.splice(0, firstParts(waiting))
      const { reads, bytes: content } = await readParts(parts)
      await channel.room()
      for (const part of parts) bytes -= part[5]
      const said = parts.map(([id], index): [number, number, string] => {
        const one = reads[index]
        return [id, one?.bytes ?? 0, one?.fault ?? 'EIO']
      })
      const payload = content.length === 0 ? [] : [content]
      channel.send('content', { parts: said }, payload, () => batchBuffers.give(content))
    }
    isSending = false
  }

  const fetch = ({ parts }: FrameHeader<'fetch'>): void => {
    for (const part of parts) bytes += part[5]
    waiting.push(...parts)
    if (bytes > MAX_FETCH_BYTES || waiting.length > MAX_FETCH_PARTS)
      throw new WireFault('more was asked for than may be at a time')
    if (!isSending) void sendAll()
  }

  return {
    /** @throws WireFault where more is asked for than may be. */
    handle(frame: Frame) {
      if (frame.type === 'fetch') return fetch(frame.header)
      if (frame.type !== 'ask') throw new WireFault(`${frame.type} frame not expected now`)
      if (questions >= MAX_QUESTIONS) throw new WireFault('too many questions at a time')
      void ask(frame.header)
    },
    close() {
      waiting = []
    },
  }
}
