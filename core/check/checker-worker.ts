import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { MountTable } from '../platform/mounts.ts'
import type { checkerDefinition, HistoryQuestion } from './checker-messages.ts'
import type { EvidenceQuestion } from './evidence/evidence-messages.ts'
import { EvidenceRecorder } from './evidence/recorder.ts'
import { DiskWatch } from './health/disk-watch.ts'
import { History } from './history/history.ts'
import { inspectPath, listDirectories } from './inspect.ts'
import { createSystemDisk } from './probes/probe-runner.ts'
import { Checker } from './scheduler/checker.ts'
import { createConcurrencyLimit } from './scheduler/timetable.ts'

/**
 * Starts the checker as a worker. Each path that hangs blocks a thread of libuv's pool: with many, the worker requests a
 * process with a larger one.
 *
 * @param historyThread is the host's own script that calls runHistoryThread.
 */
export const startChecker =
  (historyThread: URL) =>
  (context: WorkerContext<typeof checkerDefinition>): WorkerHandlers<typeof checkerDefinition> => {
    const history = new History(historyThread, (notice) => context.report({ checked: [], notice }))
    const checker = new Checker({
      disk: createSystemDisk(),
      limit: createConcurrencyLimit(context.crowded),
      report: (checked) => {
        history.add(checked)
        for (const { mount, overall } of checked)
          if (mount !== null && overall.kind === 'ok') evidence.keepNames(mount)
        context.report({ checked })
      },
      buffered: (path) =>
        context.log('warn', `${path}: its file system refuses O_DIRECT, reads may be answered from memory`),
    })
    // An error in the kernel's log only triggers a check, too.
    const evidence = new EvidenceRecorder((points) => checker.checkNow({ points }))
    const disks = new DiskWatch((all, at) => context.report({ checked: [], disks: { at, all } }))
    // A changed mount only triggers a check, whatever the interval is; the verdict comes from the probes.
    const stopWatching = new MountTable().onChange((points) => {
      checker.checkNow({ points })
      disks.mountsChanged(points)
      evidence.lookAtMounts()
    })
    return {
      configure: (config) => {
        history.keepIn(config.historyPath)
        checker.configure(config)
        disks.configure(config)
        return Promise.resolve()
      },
      requests: {
        checkNow: ({ ids }: { ids?: string[] | undefined }) => {
          checker.checkNow(ids === undefined ? undefined : { ids })
          if (ids === undefined) disks.readSoon()
          return Promise.resolve({})
        },
        release: async ({ path }: { path: string }) => {
          await checker.released(path)
          return {}
        },
        inspect: ({ path }: { path: string }) => inspectPath(path),
        list: ({ path }: { path: string }) => listDirectories(path),
        readDisks: () => {
          disks.readSoon()
          return Promise.resolve({})
        },
        evidence: (question: EvidenceQuestion) => evidence.collect(question),
        history: (question: HistoryQuestion) => history.ask(question),
        day: () => history.askDay(),
      },
      stop: () => {
        stopWatching()
        checker.stop()
        disks.stop()
        evidence.stop()
        return history.stop()
      },
    }
  }
