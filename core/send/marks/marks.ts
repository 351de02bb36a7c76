import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import { whereabouts } from '../../ledger/mount-presence.ts'
import { createLimitedLog } from '../../lib/async/limited-log.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { createSemaphore, withPermit } from '../../lib/async/semaphore.ts'
import { errorCode } from '../../platform/system-error.ts'
import { markGroupWrite } from './group-write.ts'

const PAGE = 256
/** Of one source; a disk that hangs holds no more threads than these. */
const AT_ONCE = 4
/** A disk that does not take marks now is tried again after this. */
const PAUSE_MS = 30_000
/** A look ends after so many that could not be set; the next one goes on behind them, and round from the beginning. */
const FAILURES = 1_024

export interface MarkSource {
  id: string
  path: string
  /** The source's other destinations: the mark says that they have the file, too. */
  alsoTo?: readonly string[] | undefined
}

interface SourceLooks {
  /** As it is configured now. */
  source: MarkSource
  run: Rerun
  /** The last file of a look that ended before it was through. */
  endedAt: number
  /** While it waits after marks that could not be set. */
  pause: NodeJS.Timeout | null
}

type Marked = Parameters<Ledger['marksDone']>[0][number]

/** Sets the marks that the ledger says are owed. */
export type Marks = ReturnType<typeof openMarks>

/** A file that is not found on a disk that is away wants its mark all the same. */
const isThere = async (ledger: Ledger, { id, path: root }: MarkSource): Promise<boolean> =>
  whereabouts(ledger.home(id)) !== 'away' &&
  (await stat(root).then(
    () => true,
    () => false,
  ))

/** What the ledger is to know of this mark: it is set, or it never can be; null: it is still owed. */
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
    if (marked.kind === 'changed') ledger.renew(due, marked.facts, 0)
    return marked.kind === 'changed' || (await isThere(ledger, source)) ? forgotten : null
  } catch (error) {
    if (!(await isThere(ledger, source))) return null
    const code = errorCode(error)
    complain(`${file} was sent but cannot be marked as sent: ${code ?? String(error)}`)
    return code === 'EPERM' || code === 'EACCES' ? forgotten : null
  }
}

export function openMarks(
  destination: string,
  ledger: Ledger,
  events: { onMarked(): void; log(level: 'warn', text: string): void },
) {
  const sources = new Map<string, SourceLooks>()
  const complain = createLimitedLog((text) => events.log('warn', text))
  let over = false

  /** Sets all marks that are owed; false: some could not be, which keeps none behind them. */
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
    /** There may be marks to set in this source. */
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
