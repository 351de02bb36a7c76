import type { FileFacts } from '../../files/facts.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Channel } from '../../wire/channel.ts'
import { WireFault } from '../../wire/codec.ts'
import type { DirectoryEntry } from '../../wire/entries.ts'
import { wordsOfFacts } from '../../wire/facts.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { Frame, FrameHeader } from '../../wire/frames.ts'
import type { FileStatus } from '../../wire/limits.ts'
import {
  BATCH_MAX_FILES,
  BATCH_TARGET_BYTES,
  fileStatuses,
  MAX_OPEN_FILES,
  SMALL_FILE_BYTES,
  WHOLE_FILE_BYTES,
} from '../../wire/limits.ts'
import type { FoundDirectory } from '../reading/group.ts'
import { headerBytesOf, openBatches } from './batches.ts'
import { createQuestions } from './questions.ts'
import { openToldDirectories } from './told-directories.ts'

/**
 * What the receiver said about a file, by which position of its store; null: the connection was lost before it said
 * anything.
 */
export type Answer = { status: FileStatus; detail: string; position: number } | null

/** A source as the receiver is told of it. */
export interface OutgoingSource {
  id: string
  /** What its directory there is called, if that name is free. */
  name: string
}

export interface Outgoing {
  source: OutgoingSource
  path: string
  facts: FileFacts
}

export interface Upload {
  /** Bytes that the receiver has from before: they are not sent. */
  readonly offset: number
  /**
   * Sends the next bytes, and gives their memory back (chunkBuffers) when they are on the line; false: the
   * receiver has answered already, or the connection is lost.
   */
  chunk(bytes: Buffer): Promise<boolean>
  /** The next bytes are so many zeros. */
  zeros(count: number): Promise<boolean>
  end(digest: Buffer): Promise<Answer>
  /** `keep`: the receiver may keep what it has, to go on with it. */
  abort(keep: boolean): Promise<Answer>
}

/** What the receiver's welcome says of the session's first credit. */
export type Welcome = Pick<FrameHeader<'welcome'>, 'bytes' | 'files'>

/** A small file with its content. */
export interface SmallOutgoing extends Outgoing {
  bytes: Uint8Array
  digest: Uint8Array
}

export interface SmallEvents {
  /**
   * The line has room, for them or for those before them. False: they are not sent after all; nothing more is called.
   */
  onTurn(): boolean
  /** Their bytes are on the line, and held no more. Not called when the connection is lost before. */
  onWire(): void
  /** Their bytes' memory may be used again; not called where the connection was lost before. */
  onUsed(): void
  /** What became of one of the files, by its index. */
  onAnswer(index: number, answer: Answer): void
}

/** How much `sendSmall` takes in one call. A single file always goes. */
export interface SmallLimits {
  files: number
  bytes: number
  /** A larger file travels in chunks. */
  fileBytes: number
}

/** A content that the receiver should have. */
export interface CopyFrom {
  source: OutgoingSource
  path: string
  /** That name is gone at the source. */
  isMoved: boolean
}

/** What the receiver says that it holds: the digest of a nonce and of the file behind it, or why there is none. */
export type Proof = { digest: Uint8Array } | { digest: null; reason: string } | null

/** One connection that was welcomed, with its credits. */
export interface Session {
  /**
   * The receiver has files of this computer that its ledger does not know of: before a file is sent, it is asked
   * whether it is there.
   */
  readonly asksFirst: boolean
  /**
   * Sends whole small files of one source, maybe together with others; resolves when more may come.
   * @param directories those on the way to them.
   */
  sendSmall(
    files: readonly SmallOutgoing[],
    directories: readonly FoundDirectory[],
    events: SmallEvents,
  ): Promise<void>
  readonly smallLimits: SmallLimits
  /**
   * Begins a large file; null: the connection is lost.
   * @param identity which file it is, if the receiver may have a part of it; left out: it is sent whole.
   */
  begin(file: Outgoing, directories: readonly FoundDirectory[], identity?: string): Promise<Upload | null>
  /** Asks the receiver to copy a file of its own; `unknown`: it has no such content, which has to be sent. */
  copy(
    file: Outgoing,
    directories: readonly FoundDirectory[],
    digest: Uint8Array,
    from: CopyFrom,
  ): Promise<Answer>
  /** Asks the receiver to prove that it holds a file; null: the connection is lost. */
  prove(source: OutgoingSource, path: string, size: number, nonce: Uint8Array): Promise<Proof>
  onFrame(frame: Frame): void
  close(): void
  readonly closed: boolean
}

/** Who is told of the answers to files whose numbers follow each other. */
interface Asker {
  first: number
  tell(index: number, answer: Answer): void
}

export interface SessionOptions {
  /** How many bytes of contents one batch should hold, at most BATCH_TARGET_BYTES. */
  batchBytes?: () => number
  asksFirst?: boolean
}

export function openSession(
  channel: Channel,
  welcome: Welcome,
  { batchBytes = () => BATCH_TARGET_BYTES, asksFirst = false }: SessionOptions = {},
): Session {
  const bytesCredit: Semaphore = createSemaphore(welcome.bytes)
  const filesCredit: Semaphore = createSemaphore(welcome.files)
  const openFiles: Semaphore = createSemaphore(MAX_OPEN_FILES)
  const askers = new Map<number, Asker>()
  const copies = new Set<number>()
  const proofs = new Map<number, (proof: Proof) => void>()
  const questions = createQuestions()
  const batches = openBatches(channel, batchBytes)
  const told = openToldDirectories()
  const sources = new Map<string, number>()
  let lastId = 0
  let closed = false

  /** The number by which the receiver knows a source; it is told of one that is new. */
  const numberOf = ({ id, name }: OutgoingSource): number => {
    const known = sources.get(id)
    if (known !== undefined) return known
    const number = sources.size
    sources.set(id, number)
    channel.send('source', { source: number, id, name })
    return number
  }

  const entriesOf = (number: number, news: readonly FoundDirectory[]): DirectoryEntry[] =>
    news.map(({ path, facts }) => [number, path, wordsOfFacts(facts)])

  const nextId = (): number => {
    lastId = (lastId + 1) >>> 0
    return lastId
  }
  /** Numbers for so many files, whose answers `tell` hears. */
  const ask = (files: number, tell: Asker['tell']): number => {
    const asker = { first: (lastId + 1) >>> 0, tell }
    for (let count = 0; count < files; count += 1) askers.set(nextId(), asker)
    return asker.first
  }
  const askOne = (): { id: number; answer: Promise<Answer> } => {
    let id = 0
    const answer = new Promise<Answer>((resolve) => {
      id = ask(1, (_, said) => resolve(said))
    })
    return { id, answer }
  }

  const onResult = ({ position, results }: FrameHeader<'result'>) => {
    for (const [id, code, detail] of results) {
      const status = fileStatuses[code]
      const asker = askers.get(id)
      if (status === undefined || asker === undefined) throw new WireFault(`result for unknown file ${id}`)
      if (!copies.delete(id) && status === 'unknown')
        throw new WireFault(`file ${id} was sent, not asked for`)
      askers.delete(id)
      asker.tell((id - asker.first) >>> 0, { status, detail, position })
    }
    filesCredit.release(results.length)
  }

  const onProof = ({ id, digest, reason }: FrameHeader<'proof'>) => {
    const tell = proofs.get(id)
    if (tell === undefined) throw new WireFault(`proof of unknown file ${id}`)
    proofs.delete(id)
    // As it came it is a part of the whole frame.
    tell(digest === null ? { digest, reason } : { digest: Buffer.from(digest) })
    filesCredit.release(1)
  }

  return {
    asksFirst,

    smallLimits: {
      files: Math.max(1, Math.min(BATCH_MAX_FILES, welcome.files)),
      get bytes() {
        return Math.min(batchBytes(), welcome.bytes)
      },
      // On a slow line others wait for a frame: then its files are small ones.
      get fileBytes() {
        const batch = Math.min(batchBytes(), welcome.bytes)
        return Math.min(SMALL_FILE_BYTES, Math.max(WHOLE_FILE_BYTES, batch))
      },
    },

    async sendSmall(files, directories, { onTurn, onWire, onUsed, onAnswer }) {
      const bytes = files.reduce((total, { facts }) => total + facts.size, 0)
      const hasCredit = (await filesCredit.acquire(files.length)) && (await bytesCredit.acquire(bytes))
      const [one] = files
      // It may have ended between the credit and this.
      if (!hasCredit || closed || one === undefined) {
        for (const index of files.keys()) onAnswer(index, null)
        return
      }
      const number = numberOf(one.source)
      const first = ask(files.length, onAnswer)
      const news = told.news(one.source.id, directories)
      const header = [...files, ...news].reduce(
        (total, { path, facts }) => total + headerBytesOf(path, facts.more),
        0,
      )
      batches.add({
        files: files.map(({ path, facts, digest }, index) => {
          return [(first + index) >>> 0, number, path, facts.size, wordsOfFacts(facts), digest]
        }),
        directories: entriesOf(number, news),
        payload: files.map((file) => file.bytes),
        bytes,
        headerBytes: header,
        onTurn() {
          if (onTurn()) return true
          for (const index of files.keys()) askers.delete((first + index) >>> 0)
          filesCredit.release(files.length)
          bytesCredit.release(bytes)
          told.forget(one.source.id, news)
          return false
        },
        onWire,
        onUsed,
      })
    },

    async begin({ source, path, facts }, directories, identity) {
      if (!(await openFiles.acquire())) return null
      if (!(await filesCredit.acquire()) || closed) return null
      const number = numberOf(source)
      const { id, answer } = askOne()
      let answered = false
      void answer.then(() => {
        answered = true
      })
      const { size } = facts
      const known = identity === undefined ? 0 : questions.ask(id, size)
      const file = identity === undefined ? {} : { file: identity }
      const entries = entriesOf(number, told.news(source.id, directories))
      const header = { id, source: number, path, size, facts: wordsOfFacts(facts), directories: entries }
      channel.send('begin', { ...header, ...file })
      // A file that is refused has no answer but the refusal.
      const offset = await Promise.race([known, answer.then(() => 0)])
      questions.forget(id)
      const finish = (): Promise<Answer> => {
        openFiles.release()
        return answer
      }
      /** Waits for credit and for the line; false: there is no need any more. */
      const mayGo = async (bytes: number): Promise<boolean> => {
        if (!(await bytesCredit.acquire(bytes))) return false
        await channel.room()
        if (!closed && !answered) return true
        bytesCredit.release(bytes)
        return false
      }
      return {
        offset,
        async chunk(bytes) {
          if (!(await mayGo(bytes.length))) return false
          channel.send('chunk', { id }, [bytes], () => chunkBuffers.give(bytes))
          return true
        },
        async zeros(count) {
          if (!(await mayGo(count))) return false
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
    },

    async copy({ source, path, facts }, directories, digest, from) {
      if (!(await filesCredit.acquire()) || closed) return null
      const number = numberOf(source)
      const fromSource = numberOf(from.source)
      const { id, answer } = askOne()
      copies.add(id)
      const { size } = facts
      const header = { id, source: number, path, size, facts: wordsOfFacts(facts), digest }
      const entries = entriesOf(number, told.news(source.id, directories))
      const of = { fromSource, fromPath: from.path, moved: from.isMoved, directories: entries }
      channel.send('copy', { ...header, ...of })
      return answer
    },

    async prove(source, path, size, nonce) {
      if (!(await filesCredit.acquire()) || closed) return null
      const id = nextId()
      const proof = new Promise<Proof>((resolve) => proofs.set(id, resolve))
      channel.send('prove', { id, source: numberOf(source), path, size, nonce })
      return proof
    },

    onFrame(frame) {
      if (frame.type === 'result') onResult(frame.header)
      else if (frame.type === 'proof') onProof(frame.header)
      else if (frame.type === 'credit') bytesCredit.release(frame.header.bytes)
      else if (frame.type === 'resume') questions.answer(frame.header)
      else throw new WireFault(`${frame.type} frame not expected now`)
    },

    close() {
      closed = true
      batches.close()
      bytesCredit.close()
      filesCredit.close()
      openFiles.close()
      const lost = [...askers]
      askers.clear()
      for (const [id, { first, tell }] of lost) tell((id - first) >>> 0, null)
      for (const tell of proofs.values()) tell(null)
      proofs.clear()
    },
    get closed() {
      return closed
    },
  }
}
