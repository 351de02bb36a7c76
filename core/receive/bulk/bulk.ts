import { constants } from 'node:fs'
import { closeFd, openFd } from '../../wire/fd.ts'
import { outcomeOf } from '../file-refused.ts'
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
  close(): void
}

/**
 * So many files at a time are worth a sync of the whole file system. It may have to write what other programs have
 * written lately: for a few files that would cost more than syncing them one by one.
 */
const BULK_FILES = 16

/**
 * One thread writes files that have no names; another one, again and again, names those that are durable in their
 * places, and has the file system make everything durable (syncfs(2)). So each file goes through two syncs: the first
 * makes its content durable, the second its name, and no name ever leads to half a content. Both are shared by all
 * files that came during the sync before.
 */
export function openBulk(root: string, script: URL | null, parts: PipelineParts): Bulk {
  const { temporaries, watch } = parts
  const threads = script === null ? [] : [createStoreThread(script), createStoreThread(script)]
  const [writer, committer] = threads
  const pipeline = writer && committer ? createPipeline(writer, committer, parts) : null
  let gathering = false
  /** `deciding`: nothing is done yet with what comes. */
  let phase: 'idle' | 'deciding' | 'running' = 'idle'

  const storeAlone = ({ file, events }: { file: BulkFile; events: BulkEvents }) =>
    void events.alone(file).then((outcome) => events.stored(file, outcome))

  const run = async (running: Pipeline): Promise<void> => {
    let fd: number | null = null
    try {
      fd = await watch.during(async () => {
        await temporaries.prepare()
        return openFd(root, constants.O_RDONLY)
      })
      phase = 'running'
      await running.run(fd)
    } catch (thrown) {
      const outcome = outcomeOf(thrown)
      for (const file of running.takeComing()) file.events.stored(file, outcome)
    } finally {
      phase = 'idle'
      if (fd !== null) await closeFd(fd).catch(() => undefined)
    }
  }

  const gathered = async (into: Pipeline): Promise<void> => {
    gathering = false
    if (phase === 'running') into.feed()
    if (phase !== 'idle') return
    if (into.coming >= BULK_FILES) {
      phase = 'deciding'
      if (await watch.during(() => canSyncWhole(root)).catch(() => false)) return run(into)
      phase = 'idle'
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
    close() {
      for (const thread of threads) thread.close()
    },
  }
}
