import { forgetCached } from '../../files/page-cache.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import type { FileFacts } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { Room } from '../limits/admission.ts'
import type { Seen } from '../placement/same-content.ts'
import type { Appending } from './appending.ts'
import { openAppending } from './appending.ts'
import type { Partial, Partials } from './partials.ts'
import type { StoreParts } from './parts.ts'
import { componentsOf } from './parts.ts'

/** A large file on its way. Calls are made in order; each waits for the one before. */
export interface IncomingFile {
  /** Bytes that need not come, since they are there from before; null: it cannot be stored. Never rejects. */
  readonly offset: Promise<number | null>
  /** Appends to the file; the promise says when the bytes are written (not durable). It never rejects. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the file is durable, or says why it is not stored. */
  finish(digest: Uint8Array): Promise<Outcome>
  /** `keep`: what has come is kept, if it can be gone on with. */
  abort(keep?: boolean): Promise<void>
  /** Why it cannot be stored any more, as soon as that is known. */
  readonly refused: Outcome | null
}

/**
 * @param identity what the sender says of which file it is; left out: it cannot be gone on with.
 * @param turns what it waits for before it opens anything, and gives back when it is over.
 */
export type StoreLarge = (facts: FileFacts, identity?: string, turns?: Semaphore) => IncomingFile

/** Chunks that are written in one call, 4 MiB: what is written gives its credit back. */
const PIECES_AT_ONCE = 16

/** A file whose name may not be used waits for nothing: what is no name may be far longer than one that is. */
function judged(facts: FileFacts): { components: string[]; fault: Outcome | null } {
  try {
    return { components: componentsOf(facts), fault: null }
  } catch (thrown) {
    return { components: [], fault: outcomeOf(thrown) }
  }
}

/** The file that is written. */
interface Open {
  fd: number
  file: string
  appending: Appending
  partial: Partial | null
}

/** What was there was not read to its end, as its use ended meanwhile: what comes behind it has no place yet. */
const isCutShort = ({ appending, partial }: Open): boolean => appending.position < (partial?.offset ?? 0)

export function openStoreLarge(parts: StoreParts, partials: Partials): StoreLarge {
  const { admission, commit, discard, findSame, seal, temporaries, watch, writing } = parts

  return (facts, identity, turns) => {
    const { components, fault } = judged(facts)
    let refused = fault
    let open: Open | null = null
    let room: Room | null = null
    let last: Promise<void> = Promise.resolve()
    let gathered: Uint8Array[] = []
    let gathering: Promise<void> | null = null
    let stopping = false
    let hasTurn = false
    /** A part of it was read or written: what has refused it since may be the disk's own fault. */
    let isTouched = false
    let same: Seen | null = null

    /** After the first failure the rest of the file is only let pass. */
    const attempt = async (work: () => Promise<void>, inTurn = writing): Promise<void> => {
      if (refused !== null) return
      await inTurn(work).catch((thrown: unknown) => {
        refused = outcomeOf(thrown)
        // It is over only when its sender says so: until then it must not count against the files of others.
        room?.leave()
      })
    }
    const step = (work: () => Promise<void>): Promise<void> => {
      last = last.then(work)
      return last
    }

    const closeNow = async (keep: boolean): Promise<void> => {
      stopping = true
      await last
      room?.leave()
      if (open === null) return
      const { file, appending, partial } = open
      open = null
      // fsync(2) says only once that writing failed: whoever went on with the file would not hear of it.
      const isSound = await appending.close()
      if (keep && isSound && partial !== null)
        return partial.keep(Math.max(appending.position, partial.offset))
      await discard(file)
      partial?.forget()
    }
    let closing: Promise<void> | null = null
    /** The file is closed; `keep`: and kept where it can be gone on with. */
    const close = (keep: boolean): Promise<void> => {
      closing ??= closeNow(keep).finally(giveTurn)
      return closing
    }

    /** What the disk has failed is never gone on with; what there was no room for may be. */
    const isGood = () => refused === null || !isTouched

    /** Another connection of the same sender goes on with it. */
    const giveUp = async (): Promise<void> => {
      await close(isGood())
      refused ??= { status: 'aborted', detail: '' }
    }

    const opened = async (at: { fd: number; file: string }, partial: Partial | null): Promise<void> => {
      const appending = await openAppending(at.fd, facts.size, facts.hash ?? 'sha256')
      open = { fd: at.fd, file: at.file, partial, appending }
    }

    /** Takes no turn at the disk: a connection that still writes the file needs one before it can give it up. */
    const enter = async (): Promise<void> => {
      if (stopping) throw new FileRefused('aborted', '')
      const partial = identity === undefined ? null : await partials.open(facts, identity, giveUp)
      if (partial !== null) await opened(partial, partial)
      // Said before the disk is filled with a part of it, which would fail the small files beside it.
      room = await admission.enter(facts.folder, facts.size - (partial?.offset ?? 0))
      if (room.unlessSame !== null) throw room.unlessSame
    }

    const create = async (): Promise<void> => {
      if (open === null) await opened(await temporaries.create(), null)
    }

    /** Hashes what is there, each step a call of its own: a long file is no disk that hangs. */
    const takeIn = async (): Promise<void> => {
      const offset = open?.partial?.offset ?? 0
      // From the disk: what an earlier process was told of its failures died with it.
      if (open !== null && offset > 0) await forgetCached(open.fd)
      while (open !== null && refused === null && !stopping && open.appending.position < offset) {
        const { appending } = open
        isTouched = true
        await attempt(() => appending.takeIn(offset))
      }
    }

    const waitForTurn = async (): Promise<void> => {
      if (refused === null) hasTurn = turns === undefined || (await turns.acquire())
    }
    const giveTurn = () => {
      if (hasTurn) turns?.release()
      hasTurn = false
    }

    void step(waitForTurn)
    void step(() => attempt(enter, watch.during))
    const offset = step(() => attempt(create)).then(() =>
      refused === null ? (open?.partial?.offset ?? 0) : null,
    )
    void step(takeIn)

    const writeTogether = async (pieces: readonly Uint8Array[]): Promise<void> => {
      if (pieces === gathered) gathering = null
      await attempt(async () => {
        if (open === null || isCutShort(open)) return
        const { appending } = open
        const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
        isTouched = true
        if (appending.position + bytes > facts.size) throw new FileRefused('digest', 'size')
        await appending.append(pieces)
        room?.written(bytes)
      })
    }

    const judge = async (digest: Uint8Array): Promise<void> => {
      if (open === null || isCutShort(open)) throw new FileRefused('aborted', '')
      const { appending } = open
      if (appending.position !== facts.size || !(await appending.digest()).equals(digest))
        throw new FileRefused('digest', '')
    }

    /** Takes long: whoever takes the file over meanwhile has all of it, and nothing of it is sealed. */
    const compare = async (digest: Uint8Array): Promise<void> => {
      if (refused === null) same = await findSame(components, { size: facts.size, digest }, () => stopping)
    }

    const sealNow = async (): Promise<void> => {
      if (open === null || stopping) throw new FileRefused('aborted', '')
      await seal(open.fd, facts)
    }

    return {
      offset,
      get refused() {
        return refused
      },
      write(bytes) {
        // What comes while the disk is busy is written in one call.
        if (gathering === null || gathered.length >= PIECES_AT_ONCE) {
          const pieces: Uint8Array[] = []
          gathered = pieces
          gathering = step(() => writeTogether(pieces))
        }
        gathered.push(bytes)
        return gathering
      },
      async finish(digest) {
        await step(() => attempt(() => judge(digest)))
        await step(() => compare(digest))
        await step(() => attempt(sealNow))
        if (refused !== null || open === null || closing !== null) {
          await close(false)
          return refused ?? { status: 'aborted', detail: '' }
        }
        const { file, appending, partial } = open
        open = null
        let discharge: (() => void) | undefined
        closing = appending.close().then(() => {
          discharge = partial?.release()
        })
        await closing
        const { size, mtimeMs, mode, arrival } = facts
        const written = { temporary: file, components, size, mtime: mtimeMs / 1000, mode, digest, arrival }
        return commit({ ...written, unlessSame: null, same }).finally(() => {
          discharge?.()
          room?.leave()
          giveTurn()
        })
      },
      abort: (keep = false) => close(keep && isGood()),
    }
  }
}
