import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import { createChecker } from './checker.ts'
import { systemClock } from './clock.ts'
import { createHistory } from './history/history.ts'
import { inspectPath } from './inspect.ts'
import type { checkerDefinition, HistoryQuestion } from './messages.ts'
import { watchMounts } from './mount-watch.ts'
import { createSystemDisk } from './probes/disk.ts'

/**
 * The checker as a worker: its process needs a libuv pool as large as the number of paths that may hang.
 *
 * @param historyThread is the script of the thread that keeps the history.
 */
export function startChecker({
  historyThread,
}: {
  historyThread: URL
}): (context: WorkerContext<typeof checkerDefinition>) => WorkerHandlers<typeof checkerDefinition> {
  return (context) => runChecker(context, historyThread)
}

function runChecker(
  context: WorkerContext<typeof checkerDefinition>,
  historyThread: URL,
): WorkerHandlers<typeof checkerDefinition> {
  const history = createHistory(historyThread, (notice) => context.report({ checked: [], notice }))
  const checker = createChecker({
    clock: systemClock,
    disk: createSystemDisk(),
    report: (checked) => {
      history.add(checked)
      context.report({ checked })
    },
    buffered: (path) =>
      context.log('warn', `${path}: its file system refuses O_DIRECT, reads may be answered from memory`),
  })
  const stopWatching = watchMounts(systemClock, (points) => checker.checkNow(points))
  return {
    configure: (config) => {
      history.keepIn(config.historyPath)
      checker.configure(config)
      return Promise.resolve()
    },
    requests: {
      checkNow: () => {
        checker.checkNow()
        return Promise.resolve({})
      },
      inspect: ({ path }: { path: string }) => inspectPath(path),
      history: (question: HistoryQuestion) => history.ask(question),
    },
    stop: () => {
      stopWatching()
      checker.stop()
      return history.stop()
    },
  }
}
