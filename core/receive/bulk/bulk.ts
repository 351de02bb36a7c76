import { constants } from 'node:fs'
import { closeFd, openFd } from '../../files/fd.ts'
import { inTime } from '../../pacing/in-time.ts'
import { outcomeOf } from '../file-refused.ts'
import type { Home } from '../placement/store-disk.ts'
import { createStoreThread } from './call-thread.ts'
import type { BulkEvents, BulkFile } from './pending.ts'
import type { Pipeline, PipelineParts } from './pipeline.ts'
import { createPipeline } from './pipeline.ts'
import { NO_DESCRIPTOR } from './protocol.ts'
import { canSyncWhole } from './syncfs.ts'

/** Stores small files that come in great number. */
export interface Bulk {
  /** Each is stored once, together with others or, when only few come, alone. */
  add(files: readonly BulkFile[], events: BulkEvents): void
  /** What is under way is brought to its end, if that does not take too long; what waits is not stored. */
  close(): Promise<void>
}

/**
 * So many files at a time are worth a sync of the whole file system. It may have to write what other programs have
 * written lately: for a few files that would cost more than syncing them one by one.
 */
const BULK_FILES = 16
/** The same in bytes, for files of which few travel at a time. */
const BULK_BYTES = 4 * 1024 * 1024
/** Closing waits so long, in milliseconds, for what is under way: a disk may hang. */
const END_WITHIN_MS = 2_000
/** A file system that cannot be synced as a whole is asked again after this: another one may be mounted. */
const ASK_AGAIN_MS = 10_000
const CLOSED = new Error('the store is closed')

/**
 * One thread writes files that have no names; another one, again and again, names those that are durable in their
 * places, and has the file system make everything durable (syncfs(2)). So each file goes through two syncs: the first
 * makes its content durable, the second its name, and no name ever leads to half a content. Both are shared by all
 * files that came during the sync before.
 */
export function openBulk(root: string, home: Home, script: URL | null, parts: PipelineParts): Bulk {
  const { temporaries, watch } = parts
  const threads = script === null ? [] : [createStoreThread(script), createStoreThread(script)]
  const [writer, committer] = threads
  const pipeline = writer && committer ? createPipeline(writer, committer, parts) : null
  let gathering = false
  let isClosed = false
  /** `deciding`: nothing is done yet with what comes. */
  let phase: 'idle' | 'deciding' | 'running' = 'idle'
  let run: Promise<void> = Promise.resolve()
  let askFrom = 0

  /** What is stored one by one at present. */
  const alone = { files: 0, bytes: 0 }

  const storeAlone = ({ file, events }: { file: BulkFile; events: BulkEvents }) => {
    const { size } = file.facts
    alone.files += 1
    alone.bytes += size
    void events.alone(file).then((outcome) => {
      alone.files -= 1
      alone.bytes -= size
      events.stored(file, outcome)
    })
  }

  const refuse = (from: Pipeline, why: unknown) => {
    const outcome = outcomeOf(why)
    for (const file of from.takeComing()) file.events.stored(file, outcome)
  }

  const runNow = async (running: Pipeline): Promise<void> => {
    let fd: number | null = null
    let why: unknown = null
    try {
      fd = await watch.during(async () => {
        await temporaries.prepare()
        const opened = await openFd(root, constants.O_RDONLY)
        // Now that it is open, it stays the directory that it is.
        await home.check().catch(async (thrown: unknown) => {
          await closeFd(opened)
          throw thrown
        })
        return opened
      })
      phase = 'running'
      await running.run(fd)
    } catch (thrown) {
      why = thrown
    } finally {
      phase = 'idle'
      // What came in this instant is only refused for a reason: it is gathered already.
      if (why !== null || isClosed) refuse(running, why ?? CLOSED)
      if (fd !== null) await closeFd(fd).catch(() => undefined)
    }
  }

  const gathered = async (into: Pipeline): Promise<void> => {
    gathering = false
    if (phase === 'running') into.feed()
    if (phase !== 'idle') return
    const { files, bytes } = into.coming
    const isWorthIt = files + alone.files >= BULK_FILES || bytes + alone.bytes >= BULK_BYTES
    if (isWorthIt && performance.now() >= askFrom) {
      phase = 'deciding'
      if (await watch.during(() => canSyncWhole(root)).catch(() => false)) {
        run = runNow(into)
        return
      }
      phase = 'idle'
      askFrom = performance.now() + ASK_AGAIN_MS
    }
    for (const file of into.takeComing()) storeAlone({ file, events: file.events })
  }

  return {
    add(files, events) {
      if (pipeline === null) {
        for (const file of files) storeAlone({ file, events })
        return
      }
      pipeline.add(
        files.map((file) =>
          Object.assign(file, { descriptor: NO_DESCRIPTOR, temporary: temporaries.name(), events }),
        ),
      )
      if (gathering) return
      gathering = true
      setImmediate(() => void gathered(pipeline))
    },
    async close() {
      isClosed = true
      pipeline?.end()
      if (pipeline !== null) refuse(pipeline, CLOSED)
      await inTime(END_WITHIN_MS, run)
      for (const thread of threads) thread.close()
    },
  }
}
