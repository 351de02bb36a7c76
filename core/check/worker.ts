import { fileURLToPath } from 'node:url'
import { message } from '../words/message.ts'
import { englishWords } from '../words/words.ts'
import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import { systemClock } from './clock.ts'
import { createHistory } from './history/history.ts'
import { inspectPath } from './inspect.ts'
import { watchKernelLog } from './kernel/kernel-log.ts'
import { watchMounts } from './kernel/mount-watch.ts'
import { createLanes } from './lanes/lanes.ts'
import type { checkerDefinition, HistoryQuestion } from './messages.ts'
import { createProberPool } from './prober/prober-pool.ts'
import { createRoomyDisk } from './prober/roomy-disk.ts'
import { createSystemDisk } from './probes/disk.ts'
import { createChecker } from './schedule/checker.ts'

/** What a host ships for the checker to start by itself. */
export interface CheckerScripts {
  /** The thread that keeps the history. */
  historyThread: URL
  /** A thread that reads healthy paths. */
  laneThread: URL
  /** A further process, for more paths that hang than this one has threads. */
  proberProcess: URL
}

/** The checker as a worker: its process needs a large libuv pool, as each path that hangs holds a thread. */
export function startChecker(
  scripts: CheckerScripts,
): (context: WorkerContext<typeof checkerDefinition>) => WorkerHandlers<typeof checkerDefinition> {
  return (context) => runChecker(context, scripts)
}

function runChecker(
  context: WorkerContext<typeof checkerDefinition>,
  { historyThread, laneThread, proberProcess }: CheckerScripts,
): WorkerHandlers<typeof checkerDefinition> {
  const history = createHistory(historyThread, (notice) => context.report({ checked: [], notice }))
  const lanes = createLanes(laneThread)
  const pool = createProberPool(fileURLToPath(proberProcess), (reason) =>
    context.log('error', englishWords(message('check.proberEnded', { reason }))),
  )
  const disk = createRoomyDisk(createSystemDisk(), pool)
  const checker = createChecker({
    clock: systemClock,
    disk,
    lanes,
    report: (checked) => {
      history.add(checked)
      context.report({ checked })
    },
    buffered: (path) =>
      context.log('warn', `${path}: its file system refuses O_DIRECT, reads may be answered from memory`),
  })
  const stopWatching = watchMounts(systemClock, (points) => checker.checkNow({ points }))
  const stopFollowing = watchKernelLog((points) => checker.checkNow({ points }))
  return {
    configure: (config) => {
      history.keepIn(config.historyPath)
      checker.configure(config)
      return Promise.resolve()
    },
    requests: {
      checkNow: ({ ids }: { ids?: string[] | undefined }) => {
        checker.checkNow(ids === undefined ? undefined : { ids })
        return Promise.resolve({})
      },
      inspect: ({ path }: { path: string }) => inspectPath(path),
      history: (question: HistoryQuestion) => history.ask(question),
    },
    stop: () => {
      stopWatching()
      stopFollowing()
      checker.stop()
      lanes.close()
      disk.close()
      pool.close()
      return history.stop()
    },
  }
}
