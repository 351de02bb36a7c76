import { errorCode, errorText } from '../files/system-error.ts'
import { createSemaphore } from '../pacing/semaphore.ts'
import { dial } from '../send/destinations/receiver/dial.ts'
import { troubleOf } from '../send/destinations/receiver/trouble.ts'
import type { ReceiverDestination } from '../settings/destination-schema.ts'
import type { ContentsPage, StoredContent } from '../store/reading/contents.ts'
import { WireFault } from '../wire/codec.ts'
import { factsOfWords } from '../wire/facts.ts'
import type { Frame, FrameHeader } from '../wire/frames.ts'
import type { Identity } from '../wire/identity.ts'
import { MAX_FETCH_BYTES, MAX_FETCH_PARTS, MAX_FETCHED, MAX_QUESTIONS } from '../wire/limits.ts'
import type { FetchEntry, Question, RestoreAnswer } from '../wire/restore-entries.ts'
import { addressOf } from '../words/address.ts'
import { Problem } from '../words/problem.ts'
import type { Library } from './library.ts'
import { incomingOfParts, NotReadable } from './put/incoming.ts'

type Waiting<T> = { resolve(value: T): void; reject(reason: unknown): void }
type About<A extends RestoreAnswer['about']> = Extract<RestoreAnswer, { about: A }>

const pageOf = ({ contents, directories, strange, next }: About<'contents'>): ContentsPage => ({
  contents: contents.map(([folder, path, version, size, facts, digest, storedAt]) => ({
    ...{ folder, path, version, storedAt },
    facts: factsOfWords(facts, size),
    digest,
  })),
  directories: directories.map(([folder, path, facts]) => ({ folder, path, facts: factsOfWords(facts, 0) })),
  strange,
  next,
})

/**
 * Connects to a receiver for this computer's own files.
 * @param name of this computer.
 * @throws Problem that says why there is no connection.
 */
export async function openReceiverLibrary(
  destination: ReceiverDestination,
  identity: Identity,
  name: string,
  signal: AbortSignal,
): Promise<Library> {
  const problemOf = (reason: unknown, wasConnected: boolean): Problem => {
    const { state, problem } = troubleOf(reason, destination, wasConnected)
    if (state === 'refused') return new Problem(problem.key, problem.params, { cause: reason })
    const { name: receiver, host, port } = destination
    const address = addressOf(host, port)
    const why = errorCode(reason) ?? errorText(reason)
    const key = wasConnected ? 'restore.lost' : 'restore.notReached'
    return new Problem(key, { name: receiver, address, reason: why }, { cause: reason })
  }
  const hello = { name, purpose: 'restore', session: null } as const
  const dialled = await dial(destination, identity, hello, signal).catch((thrown: unknown) => {
    throw problemOf(thrown, false)
  })
  const { channel, follow } = dialled
  const asking = createSemaphore(MAX_QUESTIONS)
  // Half of what the receiver takes: it counts what is still on its way.
  const bytesOut = createSemaphore(MAX_FETCH_BYTES / 2)
  const partsOut = createSemaphore(MAX_FETCH_PARTS / 2)
  const answers = new Map<number, Waiting<RestoreAnswer>>()
  const parts = new Map<number, Waiting<Buffer> & { asked: number }>()
  let last = 0
  let toFetch: FetchEntry[] = []
  let ended: Problem | null = null

  const onContent = ({ parts: said }: FrameHeader<'content'>, payload: Buffer) => {
    let at = 0
    for (const [id, bytes, fault] of said) {
      const waiting = parts.get(id)
      if (waiting === undefined || bytes > waiting.asked || at + bytes > payload.length)
        throw new WireFault('content: more than was asked for')
      parts.delete(id)
      bytesOut.release(waiting.asked)
      partsOut.release(1)
      if (fault === '') waiting.resolve(payload.subarray(at, at + bytes))
      else waiting.reject(new NotReadable(fault))
      at += bytes
    }
  }

  const onFrame = (frame: Frame) => {
    if (frame.type === 'content') onContent(frame.header, frame.payload)
    else if (frame.type === 'told') {
      const waiting = answers.get(frame.header.id)
      if (waiting === undefined) throw new WireFault('told: nothing was asked')
      answers.delete(frame.header.id)
      waiting.resolve(frame.header.answer)
    }
  }

  const onClose = (reason: Error | null) => {
    ended = problemOf(reason, true)
    for (const { reject } of [...answers.values(), ...parts.values()]) reject(ended)
    answers.clear()
    parts.clear()
    for (const semaphore of [asking, bytesOut, partsOut]) semaphore.close()
  }
  follow(onFrame, onClose)

  const ask = async <A extends Question['about']>(question: Question & { about: A }): Promise<About<A>> => {
    await asking.acquire()
    if (ended !== null) throw ended
    last += 1
    const id = last
    const answer = await new Promise<RestoreAnswer>((resolve, reject) => {
      answers.set(id, { resolve, reject })
      channel.send('ask', { id, question })
    }).finally(() => asking.release())
    if (answer.about === question.about) return answer as About<A>
    const reason = answer.about === 'failed' ? answer.reason : 'another answer'
    throw new Problem('restore.notTold', { name: destination.name, reason })
  }

  /** What is asked for in one turn of the event loop travels in few frames. */
  const sendFetches = () => {
    const all = toFetch
    toFetch = []
    for (let at = 0; at < all.length; at += MAX_FETCHED)
      channel.send('fetch', { parts: all.slice(at, at + MAX_FETCHED) })
  }

  const readPart = async (
    { folder, path, version }: StoredContent,
    from: number,
    bytes: number,
  ): Promise<Buffer> => {
    await partsOut.acquire()
    await bytesOut.acquire(bytes)
    if (ended !== null) throw ended
    last += 1
    const id = last
    if (toFetch.length === 0) setImmediate(sendFetches)
    toFetch.push([id, folder, path, version, from, bytes])
    return new Promise((resolve, reject) => parts.set(id, { resolve, reject, asked: bytes }))
  }

  return {
    place: null,
    folders: async () => (await ask({ about: 'folders' })).folders,
    entries: async (asked) => {
      const { entries, next } = await ask({ about: 'entries', ...asked })
      return { entries, next }
    },
    contents: async (asked) => pageOf(await ask({ about: 'contents', ...asked })),
    open: (content) => incomingOfParts(content, readPart),
    close: () => channel.end(),
  }
}
