import type { Due } from '../../ledger/ledger.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Session } from '../destinations/destination.ts'
import type { Found, FoundDirectory } from '../reading/group.ts'
import type { Content } from '../reading/read.ts'
import type { Attempt, SourceParts } from './contract.ts'
import { asAttempt, failedBy } from './contract.ts'
import type { CopySource } from './copy.ts'
import { askForCopy, copySourcesOf, mayBe } from './copy.ts'
import { createJudge } from './judge.ts'

/** What a file costs in memory besides its bytes. */
const FILE_COST = 2048
/** A read that is out for longer than this holds nothing any more that other sources need. */
const STALLED_MS = 3_000

/** Hears how one file ended. */
export type Done = (due: Due, attempt: Attempt) => void

/** Sends files that travel whole, a group at a time. */
export interface SmallSender {
  /**
   * Waits for the source's own window, then for memory: who waits for a disk that hangs must hold nothing that
   * others need. False: nothing may begin any more, and nothing is held.
   */
  admit(dues: readonly Due[]): Promise<boolean>
  /** To be called when they are admitted; it lets go of what they got by that. */
  send(dues: readonly Due[], session: Session, done: Done): void
}

/** What files hold of the memory on the way to the line. */
const costOf = (dues: readonly Due[]): number => dues.reduce((sum, { size }) => sum + size + FILE_COST, 0)

type Ready = { due: Due; content: Content }

/** Files that were read together are in the same memory. */
const giveBack = (contents: readonly Content[]) => {
  if (contents[0] !== undefined) batchBuffers.give(contents[0].bytes)
}

/** Puts what was read on the line. The memory that it holds is let go of as soon as it is there. */
function putOnLine(
  { source, shared, mayGoOn }: SourceParts,
  ready: readonly Ready[],
  directories: readonly FoundDirectory[],
  session: Session,
  done: Done,
  onUsed: () => void,
): Promise<void> {
  // Only these are kept until the answers: the contents themselves are not held for so long.
  const sent = ready.map(({ due, content: { digest, bytes } }) => ({ due, digest, size: bytes.length }))
  let held = costOf(sent.map(({ due }) => due))
  const letGo = () => {
    shared.memory.release(held)
    held = 0
  }
  let unanswered = sent.length
  const files = ready.map(({ due, content: { bytes, digest, facts } }) => {
    return { source, path: due.path, facts, bytes, digest }
  })
  return session.sendSmall(files, directories, {
    onTurn() {
      if (mayGoOn()) return true
      letGo()
      onUsed()
      for (const { due } of sent) done(due, { kind: 'halted' })
      return false
    },
    onWire() {
      letGo()
      for (const { due, size } of sent) shared.onBytes(due, size)
    },
    onUsed,
    onAnswer(index, answer) {
      unanswered -= 1
      if (unanswered === 0 && held > 0) letGo()
      const file = sent[index]
      if (file !== undefined) done(file.due, asAttempt(answer, file.digest))
    },
  })
}

/** @param window see Window.reads. */
export function createSmallSender(parts: SourceParts, window: Semaphore): SmallSender {
  const { source, shared, mayGoOn } = parts
  const { memory } = shared

  const admit = async (dues: readonly Due[]): Promise<boolean> => {
    const cost = costOf(dues)
    await window.acquire(cost)
    await memory.acquire(cost)
    if (mayGoOn()) return true
    window.release(cost)
    memory.release(cost)
    return false
  }

  /** The destination has the content; if it has it no more, the file is read again and sent. */
  const copy = async (
    due: Due,
    { facts, digest }: Content,
    from: CopySource,
    session: Session,
    done: Done,
  ) => {
    const attempt = await askForCopy(parts, due, facts, digest, from, session)
    if (attempt !== null) done(due, attempt)
    else if (await admit([due])) sendRead([due], session, new Map(), done)
    else done(due, { kind: 'halted' })
  }

  /** @param isHeld false: reading took so long that the memory was let go of. */
  const take = async (
    found: readonly { due: Due; content: Found['content'] }[],
    directories: readonly FoundDirectory[],
    from: ReadonlyMap<number, CopySource>,
    { session, isHeld, done }: { session: Session; isHeld: boolean; done: Done },
  ): Promise<void> => {
    const contents = found.flatMap(({ content }) => (content.kind === 'content' ? [content] : []))
    if (!mayGoOn()) {
      if (isHeld) memory.release(costOf(found.map(({ due }) => due)))
      giveBack(contents)
      for (const { due } of found) done(due, { kind: 'halted' })
      return
    }
    const ready: Ready[] = []
    const judge = createJudge(parts)
    for (const { due, content } of found) {
      const copied = from.get(due.id)
      const isContent = content.kind === 'content'
      if (isContent && (copied === undefined || !mayBe(copied, content.digest))) {
        ready.push({ due, content })
        continue
      }
      if (isHeld) memory.release(costOf([due]))
      const ended = (thrown: unknown) => done(due, failedBy(thrown))
      if (!isContent) judge(content, due).then((attempt) => done(due, attempt), ended)
      else if (copied !== undefined) copy(due, content, copied, session, done).catch(ended)
    }
    if (ready.length === 0) return giveBack(contents)
    if (!isHeld) await memory.acquire(costOf(ready.map(({ due }) => due)))
    await putOnLine(parts, ready, directories, session, done, () => giveBack(contents))
  }

  const sendRead = (
    dues: readonly Due[],
    session: Session,
    from: ReadonlyMap<number, CopySource>,
    done: Done,
  ): void => {
    const unread = new Set(dues)
    let isHeld = true
    const stalled = setTimeout(() => {
      isHeld = false
      memory.release(costOf([...unread]))
    }, STALLED_MS)
    const taken = (found: readonly Found[], directories: readonly FoundDirectory[]) => {
      const some = found.flatMap(({ index, content }) => {
        const due = dues[index]
        return due === undefined ? [] : [{ due, content }]
      })
      for (const { due } of some) unread.delete(due)
      if (unread.size === 0) clearTimeout(stalled)
      window.release(costOf(some.map(({ due }) => due)))
      void take(some, directories, from, { session, isHeld, done })
    }
    const files = dues.map((due) => ({ path: due.path, offered: due }))
    shared.read(source.id, { root: source.path, files, take: taken })
  }

  return {
    admit,
    send(dues, session, done) {
      sendRead(dues, session, copySourcesOf(parts, dues, session), done)
    },
  }
}
