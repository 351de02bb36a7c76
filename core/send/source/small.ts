import type { Due } from '../../ledger/ledger.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Session } from '../destinations/destination.ts'
import type { Content, FoundDirectory, FoundFile } from '../reading/group.ts'
import type { SendAttempt, SourceParts } from './contract.ts'
import { asAttempt, failedBy } from './contract.ts'
import type { CopySource } from './copy.ts'
import { askForCopy, copySourcesOf, mayBe } from './copy.ts'
import { createJudge } from './judge.ts'

/** What a file costs in memory besides its bytes. */
const FILE_COST = 2048

/** Hears how one file ended. */
export type Done = (due: Due, attempt: SendAttempt) => void

/** What files hold of the window. */
const costOf = (dues: readonly Due[]): number => dues.reduce((sum, { size }) => sum + size + FILE_COST, 0)

type Ready = { due: Due; content: Content }

/** Files that were read together are in the same memory. */
const giveBack = (contents: readonly Content[]) => {
  if (contents[0] !== undefined) batchBuffers.give(contents[0].bytes)
}

/** Puts what was read on the line. The memory that it holds is let go of as soon as it is there. */
function putOnLine(
  { source, shared, window, mayGoOn }: SourceParts,
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
    window.release(held)
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
    onUsed() {
      letGo()
      onUsed()
      for (const { due, size } of sent) shared.onBytes(due, size)
    },
    onAnswer(index, answer) {
      unanswered -= 1
      if (unanswered === 0 && held > 0) letGo()
      const file = sent[index]
      if (file !== undefined) done(file.due, asAttempt(answer, file.digest))
    },
  })
}

/** Sends files that travel whole, a group at a time: waits for room in the window, and goes on in the background. */
export function createSmallSender(parts: SourceParts) {
  const { source, shared, window, mayGoOn } = parts

  /** Waits for room, which they hold until they are on the line; false: nothing may begin any more, and nothing is held. */
  const admit = async (dues: readonly Due[]): Promise<boolean> => {
    const cost = costOf(dues)
    await window.acquire(cost)
    if (mayGoOn()) return true
    window.release(cost)
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

  const take = async (
    found: readonly { due: Due; content: FoundFile }[],
    directories: readonly FoundDirectory[],
    from: ReadonlyMap<number, CopySource>,
    session: Session,
    done: Done,
  ): Promise<void> => {
    const contents = found.flatMap(({ content }) => (content.kind === 'content' ? [content] : []))
    if (!mayGoOn()) {
      window.release(costOf(found.map(({ due }) => due)))
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
      window.release(costOf([due]))
      const ended = (thrown: unknown) => done(due, failedBy(thrown))
      if (!isContent) judge(content, due).then((attempt) => done(due, attempt), ended)
      else if (copied !== undefined) copy(due, content, copied, session, done).catch(ended)
    }
    if (ready.length === 0) return giveBack(contents)
    await putOnLine(parts, ready, directories, session, done, () => giveBack(contents))
  }

  const sendRead = (
    dues: readonly Due[],
    session: Session,
    from: ReadonlyMap<number, CopySource>,
    done: Done,
  ): void => {
    const taken = (found: readonly FoundFile[], directories: readonly FoundDirectory[]) => {
      const some = dues.flatMap((due, index) => {
        const content = found[index]
        return content === undefined ? [] : [{ due, content }]
      })
      void take(some, directories, from, session, done)
    }
    const files = dues.map((due) => ({ path: due.path, offered: due }))
    shared.read(source.id, { root: source.path, files, take: taken })
  }

  return async (dues: readonly Due[], session: Session, done: Done): Promise<void> => {
    if (await admit(dues)) sendRead(dues, session, copySourcesOf(parts, dues, session), done)
    else for (const due of dues) done(due, { kind: 'halted' })
  }
}
