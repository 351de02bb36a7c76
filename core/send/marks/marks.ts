import { stat } from 'node:fs/promises'
import path from 'node:path'
import { deferAsync } from '../../defer.ts'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import { getMountPresence } from '../../ledger/mount-presence.ts'
import { createLimitedLog } from '../../lib/async/limited-log.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { createSemaphore, withPermit } from '../../lib/async/semaphore.ts'
import { closeFd, READ_FILE, setModeFd, statFd } from '../../platform/fd.ts'
import { type FileStat, sameContent, sameFile, toFileStat } from '../../platform/file-metadata.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { SourceFile } from '../reading/read.ts'

/** isocket's mark "this file is transferred" (chmod g+w). */
const GROUP_WRITE = 0o020
const PAGE = 256
/** Concurrent calls for one source: a disk that hangs blocks at most this many threads. */
const AT_ONCE = 4
/** Delay after marks could not be set. */
const PAUSE_MS = 30_000
/** A pass stops after this many failures. The next pass continues behind them and then restarts at the beginning. */
const FAILURES = 1_024

interface MarkSource {
  id: string
  path: string
  /** The source's other destinations: a file is marked only once each of them has it, too. */
  alsoTo?: readonly string[] | undefined
}

interface SourceLooks {
  /** The current configuration of the source. */
  source: MarkSource
  run: Rerun
  /** The last file of an incomplete pass. */
  endedAt: number
  /** The timer of the pause after failures. */
  pause: NodeJS.Timeout | null
}

type Marked = Parameters<Ledger['marksDone']>[0][number]

type GroupWriteMark =
  /** The mark is set. `ctimeNs`: the new ctime, because chmod changes it. */
  | { kind: 'set'; ctimeNs: bigint }
  /** The inode has changed since the file was sent, now with this stat: the file has to be checked again. */
  | { kind: 'changed'; stat: FileStat }
  /** The file was replaced or is gone. */
  | { kind: 'not-wanted' }

export type Marks = ReturnType<typeof openMarks>

/** Sets the marks that the ledger lists as due. */
export function openMarks(
  destination: string,
  ledger: Ledger,
  events: { onMarked(): void; log(level: 'warn', text: string): void },
) {
  const sources = new Map<string, SourceLooks>()
  const complain = createLimitedLog((text) => events.log('warn', text))
  let over = false

  /** Sets all marks that are due; returns false if some failed, which does not stop those behind them. */
  const markAll = async (looks: SourceLooks): Promise<boolean> => {
    const { id } = looks.source
    const begin = looks.endedAt
    looks.endedAt = 0
    let failures = 0
    for (let after = begin; ; ) {
      const { source } = looks
      const page = over ? [] : ledger.dueMarks(destination, id, PAGE, after)
      const last = page.at(-1)
      if (last === undefined) return over || (failures === 0 && begin === 0)
      const turns = createSemaphore(AT_ONCE)
      const mark = (due: QueuedFile) => withPermit(turns, () => markOne(ledger, source, due, complain))
      const done = (await Promise.all(page.map(mark))).filter((marked) => marked !== null)
      if (over) return true
      if (done.length > 0) {
        ledger.marksDone(done)
        events.onMarked()
      }
      failures += page.length - done.length
      after = last.id
      if (failures >= FAILURES) {
        looks.endedAt = after
        return false
      }
    }
  }

  const open = (source: MarkSource): SourceLooks => {
    const pause = () => {
      if (over) return
      looks.pause = setTimeout(() => {
        looks.pause = null
        void looks.run.request()
      }, PAUSE_MS)
    }
    const run = new Rerun(
      async () => {
        if (looks.pause === null && !over && !(await markAll(looks))) pause()
      },
      (error) => {
        events.log('warn', `marks of ${source.path}: ${String(error)}`)
        pause()
      },
    )
    const looks: SourceLooks = { source, run, endedAt: 0, pause: null }
    sources.set(source.id, looks)
    return looks
  }

  return {
    /** Signals that marks may be due in this source. */
    look(source: MarkSource): void {
      const looks = sources.get(source.id) ?? open(source)
      looks.source = source
      if (looks.pause === null) void looks.run.request()
    },
    stop() {
      over = true
      complain.end()
      for (const { run, pause } of sources.values()) {
        run.stop()
        if (pause !== null) clearTimeout(pause)
      }
    },
  }
}

/** Returns the mark's result for the ledger: set, or impossible for good; null: the mark stays due. */
const markOne = async (
  ledger: Ledger,
  source: MarkSource,
  due: QueuedFile,
  complain: (text: string) => void,
): Promise<Marked | null> => {
  const { id, generation } = due
  const forgotten: Marked = { id, generation, ctimeNs: null }
  const file = path.join(source.path, due.path)
  try {
    const marked = await markGroupWrite({ root: source.path, path: due.path }, due)
    if (marked.kind === 'set') return { ...forgotten, ctimeNs: marked.ctimeNs }
    if (marked.kind === 'changed') ledger.renew(due, marked.stat, 0)
    return marked.kind === 'changed' || (await isThere(ledger, source)) ? forgotten : null
  } catch (error) {
    if (!(await isThere(ledger, source))) return null
    const code = errorCode(error)
    complain(`${file} was sent but cannot be marked as sent: ${code ?? String(error)}`)
    return code === 'EPERM' || code === 'EACCES' ? forgotten : null
  }
}

/** True if the source's disk and directory are there: a file missing from an absent disk still needs its mark. */
const isThere = async (ledger: Ledger, { id, path: root }: MarkSource): Promise<boolean> =>
  getMountPresence(ledger.home(id)) !== 'away' &&
  (await stat(root).then(
    () => true,
    () => false,
  ))

/**
 * Sets the group-write mark if the file is still the one that was sent. Call it only after the ledger has recorded the
 * file as sent.
 * @throws the system error: EPERM if the file belongs to another user.
 */
export async function markGroupWrite({ root, path }: SourceFile, sent: FileStat): Promise<GroupWriteMark> {
  let fd: number
  try {
    fd = await openBeneath(root, path, READ_FILE)
  } catch (error) {
    const isGone = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errorCode(error) ?? '')
    if (isGone) return { kind: 'not-wanted' }
    throw error
  }
  await using _ = deferAsync(() => closeFd(fd))
  const stats = await statFd(fd)
  const stat = toFileStat(stats)
  if (!stats.isFile() || !sameContent(stat, sent)) return { kind: 'not-wanted' }
  if (!sameFile(stat, sent)) return { kind: 'changed', stat }
  const mode = Number(stats.mode & 0o7777n)
  if ((mode & GROUP_WRITE) === 0) await setModeFd(fd, mode | GROUP_WRITE)
  return { kind: 'set', ctimeNs: toFileStat(await statFd(fd)).ctimeNs }
}
