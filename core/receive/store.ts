import { createHash } from 'node:crypto'
import { lstat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, setModeFd, setTimesFd, syncFd, writeFully } from '../wire/fd.ts'
import { nameFault } from '../wire/names.ts'
import type { Semaphore } from '../wire/semaphore.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import { createCallWatch } from './call-watch.ts'
import { openCommits } from './commits.ts'
import { openCopies } from './copy.ts'
import { openDirectories } from './directories.ts'
import type { Outcome } from './file-refused.ts'
import { FileRefused, outcomeOf } from './file-refused.ts'
import { storeLayout } from './layout.ts'
import type { Admission, Room } from './limits/admission.ts'
import { openAdmission } from './limits/admission.ts'
import { DEFAULT_RULES } from './limits/rules.ts'
import type { Note } from './manifest/notes.ts'
import type { Placement, Written } from './placement.ts'
import { openPlacement } from './placement.ts'
import { openTemporaryFiles } from './temporary-files.ts'

/** What a sender says about a file. */
export interface FileFacts {
  /** The sender's folder in the store. */
  folder: string
  /** The source's name and the path below it, both as the sender gave them: not trusted. */
  source: string
  path: string
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  /** Permission bits. */
  mode: number
}

/** A large file on its way. Calls are made in order; each waits for the one before. */
export interface IncomingFile {
  /** Appends to the file; the promise says when the bytes are written (not durable). It never rejects. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the file is durable, or says why it is not stored. */
  finish(digest: Uint8Array): Promise<Outcome>
  abort(): Promise<void>
  /** Why it cannot be stored any more, as soon as that is known. */
  readonly refused: Outcome | null
}

export interface Store {
  /** A whole small file: resolves when it is durable, or says why it is not. Never rejects. */
  receive(facts: FileFacts, bytes: Uint8Array, digest: Uint8Array): Promise<Outcome>
  begin(facts: FileFacts): IncomingFile
  /**
   * A file whose content is there already, under another name of the same sender: looked at, copied, and
   * durable when it resolves; `unknown`: there is no such content. After the signal it may give up. Never rejects.
   * Of its own name it is a question: nothing is written, and `same` means that the content was read back just now.
   */
  copy(
    facts: FileFacts,
    from: Pick<FileFacts, 'source' | 'path'>,
    digest: Uint8Array,
    signal: AbortSignal,
  ): Promise<Outcome>
  /** Runs while nothing is put in this place, given as components below the root. */
  alone: Placement['alone']
  /** How long the disk has left its oldest call unanswered, in milliseconds. */
  stalledMs(): number
  /** Removes what earlier processes left; not needed for anything else to work. */
  clean(): Promise<void>
  close(): Promise<void>
}

/** What a store works with besides its disk. */
export interface StoreHooks {
  /** Makes durable what a round has done; never rejects. */
  record(notes: readonly Note[]): Promise<void>
  admission: Admission
}

/** A store without a manifest: no sender has a quota. */
const plainHooks = (root: string): StoreHooks => ({
  record: () => Promise.resolve(),
  admission: openAdmission(root, DEFAULT_RULES, Promise.resolve(), () => ({ files: 0, bytes: 0 })),
})

/** Files that are written at the same time: enough to keep a disk busy, few enough to bound descriptors. */
const WRITES_AT_ONCE = 64

/** @throws FileRefused when the file's name must not be used. */
function componentsOf({ folder, source, path }: FileFacts): string[] {
  const fault = nameFault(source) ?? (source.includes('/') ? 'absolute' : null) ?? nameFault(path)
  if (fault !== null) throw new FileRefused('name', fault)
  return [folder, source, ...path.split('/')]
}

/** A name under which nothing can have been stored has no content. */
function oldComponentsOf(facts: FileFacts): string[] {
  try {
    return componentsOf(facts)
  } catch {
    throw new FileRefused('unknown', 'name')
  }
}

export function openStore(root: string, { record, admission }: StoreHooks = plainHooks(root)): Store {
  const layout = storeLayout(root)
  const directories = openDirectories(layout.root)
  const placement = openPlacement(directories, layout.versions)
  const commits = openCommits(directories, placement, record)
  const temporaries = openTemporaryFiles(layout.temporary)
  const writes: Semaphore = createSemaphore(WRITES_AT_ONCE)
  const watch = createCallWatch()
  const copies = openCopies(layout.root, temporaries, watch)

  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    await writes.acquire()
    try {
      return await watch.during(work)
    } finally {
      writes.release()
    }
  }

  /** The file's own data and metadata become durable here; its name does with the commit. */
  const seal = async (fd: number, { mtimeMs, mode }: FileFacts): Promise<void> => {
    await setModeFd(fd, mode & 0o777)
    await setTimesFd(fd, mtimeMs / 1000, mtimeMs / 1000)
    await syncFd(fd)
  }

  const discard = (file: string) => unlink(file).catch(() => undefined)

  const commit = async (written: Written): Promise<Outcome> => {
    const outcome = await watch.during(() => commits.add(written))
    if (outcome.status !== 'durable' && outcome.status !== 'same') await discard(written.temporary)
    return outcome
  }

  /** There is no room for a new file; whether this one may be stored already, which costs none. */
  const mayBeSame = async (components: readonly string[], size: number): Promise<boolean> => {
    const stats = await lstat(path.join(layout.root, ...components)).catch(() => null)
    return stats?.isFile() === true && stats.size === size
  }

  const writeSmall = async (facts: FileFacts, bytes: Uint8Array): Promise<string> => {
    const open = await temporaries.create()
    return sealed(open, facts, async () => {
      if (bytes.length > 0) await writeFully(open.fd, bytes, 0)
    })
  }

  /** What `write` throws costs the temporary file. */
  const sealed = async (
    { fd, file }: { fd: number; file: string },
    facts: FileFacts,
    write: () => Promise<void> = async () => undefined,
  ): Promise<string> => {
    try {
      await write()
      await seal(fd, facts)
    } catch (thrown) {
      await discard(file)
      throw thrown
    } finally {
      await closeFd(fd)
    }
    return file
  }

  return {
    async receive(facts, bytes, digest) {
      let room: Room | null = null
      try {
        const components = componentsOf(facts)
        room = await watch.during(() => admission.enter(facts.folder, facts.size))
        const { unlessSame } = room
        if (unlessSame !== null && !(await mayBeSame(components, facts.size))) throw unlessSame
        if (!createHash('sha256').update(bytes).digest().equals(digest)) throw new FileRefused('digest', '')
        const temporary = await writing(() => writeSmall(facts, bytes))
        const { size, mtimeMs, mode } = facts
        return await commit({ temporary, components, size, mtime: mtimeMs / 1000, mode, digest, unlessSame })
      } catch (thrown) {
        return outcomeOf(thrown)
      } finally {
        room?.leave()
      }
    },

    begin(facts) {
      const hash = createHash('sha256')
      let refused: Outcome | null = null
      let position = 0
      let components: string[] = []
      let open: { fd: number; file: string } | null = null
      let room: Room | null = null
      let last: Promise<void> = Promise.resolve()

      /** Queues one step; after the first failure the rest of the file is only let pass. */
      const step = (work: () => Promise<void>): Promise<void> => {
        last = last.then(async () => {
          if (refused !== null) return
          await writing(work).catch((thrown: unknown) => {
            refused = outcomeOf(thrown)
          })
        })
        return last
      }

      const close = async (remove: boolean): Promise<void> => {
        await last
        if (remove) room?.leave()
        if (open === null) return
        const { fd, file } = open
        open = null
        await closeFd(fd).catch(() => undefined)
        if (remove) await discard(file)
      }

      void step(async () => {
        components = componentsOf(facts)
        // Said before the disk is filled with a part of it, which would fail the small files beside it.
        room = await admission.enter(facts.folder, facts.size)
        if (room.unlessSame !== null) throw room.unlessSame
        open = await temporaries.create()
      })
      return {
        get refused() {
          return refused
        },
        write: (bytes) =>
          step(async () => {
            if (position + bytes.length > facts.size) throw new FileRefused('digest', 'size')
            hash.update(bytes)
            if (open !== null) await writeFully(open.fd, bytes, position)
            position += bytes.length
          }),
        async finish(digest) {
          await step(async () => {
            if (position !== facts.size || !hash.digest().equals(digest)) throw new FileRefused('digest', '')
            if (open !== null) await seal(open.fd, facts)
          })
          const file = open?.file
          await close(refused !== null)
          if (refused !== null || file === undefined) return refused ?? { status: 'failed', detail: '' }
          const { size, mtimeMs, mode } = facts
          const written = { temporary: file, components, size, mtime: mtimeMs / 1000, mode, digest }
          return commit({ ...written, unlessSame: null }).finally(() => room?.leave())
        },
        abort: () => close(true),
      }
    },

    async copy(facts, from, digest, signal) {
      let room: Room | null = null
      try {
        const components = componentsOf(facts)
        const old = oldComponentsOf({ ...facts, ...from })
        const { size, mtimeMs, mode } = facts
        if (old.join('/') === components.join('/')) {
          await copies.confirm(old, { size, digest }, signal)
          return { status: 'same', detail: '' }
        }
        room = await watch.during(() => admission.enter(facts.folder, size))
        const { unlessSame } = room
        if (unlessSame !== null && !(await mayBeSame(components, size))) throw unlessSame
        const open = await copies.make(old, { size, digest }, signal)
        const temporary = await writing(() => sealed(open, facts))
        return await commit({ temporary, components, size, mtime: mtimeMs / 1000, mode, digest, unlessSame })
      } catch (thrown) {
        return outcomeOf(thrown)
      } finally {
        room?.leave()
      }
    },

    alone: placement.alone,
    stalledMs: () => watch.oldestMs(),
    clean: () => temporaries.clean(),
    close: () => temporaries.remove(),
  }
}
