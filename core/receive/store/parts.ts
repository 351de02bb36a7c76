import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, setModeFd, setTimesFd, syncFd } from '../../files/fd.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import { nameFault } from '../../wire/names.ts'
import type { FileFacts } from '../file-facts.ts'
import { storedMode } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused } from '../file-refused.ts'
import type { Admission } from '../limits/admission.ts'
import type { CallWatch } from '../placement/call-watch.ts'
import type { Commits } from '../placement/commits.ts'
import type { Written } from '../placement/placement.ts'
import type { TemporaryFiles } from '../placement/temporary-files.ts'
import type { FindSame } from './comparisons.ts'
import type { Partials } from './partials.ts'

/** Files that are written at the same time: enough to keep a disk busy, few enough to bound descriptors. */
const WRITES_AT_ONCE = 64

/** @throws FileRefused when the file's name must not be used. */
export function judgeName({ source, path }: Pick<FileFacts, 'source' | 'path'>): void {
  const fault = nameFault(source) ?? (source.includes('/') ? 'absolute' : null) ?? nameFault(path)
  if (fault !== null) throw new FileRefused('name', fault)
}

/** @throws FileRefused when the file's name must not be used. */
export function componentsOf({ folder, source, path }: FileFacts): string[] {
  judgeName({ source, path })
  return [folder, source, ...path.split('/')]
}

/** What the storing of small files, large files and copies have in common. */
export interface StoreParts {
  readonly admission: Admission
  readonly temporaries: TemporaryFiles
  readonly watch: CallWatch
  readonly findSame: FindSame
  /** Waits for a turn at the disk. */
  writing<T>(work: () => Promise<T>): Promise<T>
  /** The file's own data and metadata become durable here; its name does with the commit. */
  seal(fd: number, facts: FileFacts): Promise<void>
  /** Writes, seals and closes a temporary file; what `write` throws costs it. The file's name. */
  sealed(open: { fd: number; file: string }, facts: FileFacts, write?: () => Promise<void>): Promise<string>
  commit(written: Written): Promise<Outcome>
  /** Content was stored in this place in another way: see Partials. */
  supersede: Partials['supersede']
  discard(file: string): Promise<void>
  /** There is no room for a new file; whether this one may be stored already, which costs none. */
  mayBeSame(components: readonly string[], size: number): Promise<boolean>
}

export function storePartsOf(
  root: string,
  {
    partials,
    ...base
  }: Pick<StoreParts, 'admission' | 'findSame' | 'temporaries' | 'watch'> & {
    partials: Pick<Partials, 'supersede'>
  },
  commits: Commits,
): StoreParts {
  const { watch } = base
  const { discard } = base.temporaries
  const writes: Semaphore = createSemaphore(WRITES_AT_ONCE)

  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    await writes.acquire()
    try {
      return await watch.during(work)
    } finally {
      writes.release()
    }
  }

  const seal = async (fd: number, { mtimeMs, mode }: FileFacts): Promise<void> => {
    await setModeFd(fd, storedMode(mode))
    await setTimesFd(fd, mtimeMs / 1000, mtimeMs / 1000)
    await syncFd(fd)
  }

  const commit = async (written: Written): Promise<Outcome> => {
    const outcome = await watch.during(() => commits.add(written))
    if (outcome.status !== 'durable' && outcome.status !== 'same') await discard(written.temporary)
    else await partials.supersede(written.components)
    return outcome
  }

  const mayBeSame = async (components: readonly string[], size: number): Promise<boolean> => {
    const stats = await lstat(path.join(root, ...components)).catch(() => null)
    return stats?.isFile() === true && stats.size === size
  }

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

  return { ...base, writing, seal, sealed, commit, supersede: partials.supersede, discard, mayBeSame }
}
