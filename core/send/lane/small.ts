import type { Due } from '../../ledger/ledger.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Found, FoundDirectory } from '../reading/group.ts'
import type { Content } from '../reading/read.ts'
import type { Session } from '../session/session.ts'
import type { Attempt } from './contract.ts'
import type { CopySource } from './copy.ts'
import { mayBe } from './copy.ts'
import type { LaneParts } from './parts.ts'
import { asAttempt } from './parts.ts'

/** What a file costs in memory besides its bytes. */
const FILE_COST = 2048
/** A read that is out for longer than this holds nothing any more that other sources need. */
const STALLED_MS = 3_000

/** Hears how one file ended. */
export type Done = (due: Due, attempt: Attempt) => void

/** Sends files that travel whole, a group at a time. */
export interface SmallSender {
  /**
   * Waits for the source's own slot, then for memory: who waits for a disk that hangs must hold nothing that
   * others need. False: nothing may begin any more, and nothing is held.
   */
  admit(dues: readonly Due[]): Promise<boolean>
  /** To be called when they are admitted; it lets go of what they got by that. */
  send(dues: readonly Due[], session: Session, done: Done): void
}

/** What one file, or several, hold of the memory on the way to the line. */
const costOf = (dues: readonly Due[]): number => dues.reduce((sum, { size }) => sum + size + FILE_COST, 0)

type Ready = { due: Due; content: Content }

export function createSmallSender(parts: LaneParts): SmallSender {
  const { slots, shared, mayGoOn } = parts
  const { memory } = shared
  const failed = (thrown: unknown): Attempt => ({ kind: 'failed', code: String(thrown) })

  const admit = async (dues: readonly Due[]): Promise<boolean> => {
    const cost = costOf(dues)
    await slots.acquire(cost)
    await memory.acquire(cost)
    if (mayGoOn()) return true
    slots.release(cost)
    memory.release(cost)
    return false
  }

  /** The receiver has the content; if it has it no more, it is sent. */
  const copy = async (due: Due, content: Content, from: CopySource, session: Session, done: Done) => {
    const { facts, digest } = content
    const attempt = await parts.askForCopy(due, facts, digest, from, session)
    if (attempt !== null) done(due, attempt)
    else if (await admit([due])) sendRead([due], session, new Map(), done)
    else done(due, { kind: 'halted' })
  }

  /** Puts what was read on the line. The memory that it holds is let go of as soon as it is there. */
  const putOnLine = (
    ready: readonly Ready[],
    directories: readonly FoundDirectory[],
    session: Session,
    done: Done,
    onUsed: () => void,
  ): Promise<void> => {
    // Only these are kept until the answers: the contents themselves are not held for so long.
    const sent = ready.map(({ due, content: { digest, bytes } }) => ({ due, digest, size: bytes.length }))
    let held = costOf(sent.map(({ due }) => due))
    const letGo = () => {
      memory.release(held)
      held = 0
    }
    let unanswered = sent.length
    return session.sendSmall(
      ready.map(({ due, content }) => ({ ...parts.outgoing(due, content.facts), ...contentOf(content) })),
      directories,
      {
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
      },
    )
  }

  /** @param isHeld false: reading took so long that the memory was let go of. */
  const take = async (
    found: readonly Found[],
    directories: readonly FoundDirectory[],
    dues: readonly Due[],
    from: ReadonlyMap<number, CopySource>,
    { session, isHeld, done }: { session: Session; isHeld: boolean; done: Done },
  ): Promise<void> => {
    // Those that were read together are in the same memory.
    const contents = found.flatMap(({ content }) => (content.kind === 'content' ? [content.bytes] : []))
    const giveBack = () => {
      if (contents[0] !== undefined) batchBuffers.give(contents[0])
    }
    if (!mayGoOn()) {
      const some = found.flatMap(({ index }) => dues[index] ?? [])
      if (isHeld) memory.release(costOf(some))
      giveBack()
      for (const due of some) done(due, { kind: 'halted' })
      return
    }
    const ready: Ready[] = []
    const judge = parts.judge()
    for (const { index, content } of found) {
      const due = dues[index]
      if (due === undefined) continue
      const source = from.get(due.id)
      const isCopy = content.kind === 'content' && source !== undefined && mayBe(source, content.digest)
      if (content.kind === 'content' && !isCopy) {
        ready.push({ due, content })
        continue
      }
      if (isHeld) memory.release(costOf([due]))
      if (content.kind !== 'content') {
        void judge(content, due)
          .catch(failed)
          .then((attempt) => done(due, attempt))
      } else if (source !== undefined)
        void copy(due, content, source, session, done).catch((thrown) => done(due, failed(thrown)))
    }
    if (ready.length === 0) return giveBack()
    if (!isHeld) await memory.acquire(costOf(ready.map(({ due }) => due)))
    await putOnLine(ready, directories, session, done, giveBack)
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
    const files = dues.map((due) => ({ path: due.path, offered: due }))
    const taken = (found: readonly Found[], directories: readonly FoundDirectory[]) => {
      const some = found.flatMap(({ index }) => dues[index] ?? [])
      for (const due of some) unread.delete(due)
      if (unread.size === 0) clearTimeout(stalled)
      slots.release(costOf(some))
      void take(found, directories, dues, from, { session, isHeld, done })
    }
    shared.read(parts.source, { root: parts.root, files, take: taken })
  }

  return {
    admit,
    send(dues, session, done) {
      sendRead(dues, session, parts.copySources(dues, session), done)
    },
  }
}

const contentOf = ({ bytes, digest }: Content) => ({ bytes, digest })
