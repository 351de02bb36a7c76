import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import { createChecker } from './checker.ts'
import { systemClock } from './clock.ts'
import { inspectPath } from './inspect.ts'
import type { checkerDefinition } from './messages.ts'
import { watchMounts } from './mount-watch.ts'
import { createSystemDisk } from './probes/disk.ts'

/** The checker as a worker: its process needs a libuv pool as large as the number of paths that may hang. */
export function startChecker(
  context: WorkerContext<typeof checkerDefinition>,
): WorkerHandlers<typeof checkerDefinition> {
  const checker = createChecker({
    clock: systemClock,
    disk: createSystemDisk(),
    report: (checked) => context.report({ checked }),
    buffered: (path) =>
      context.log('warn', `${path}: its file system refuses O_DIRECT, reads may be answered from memory`),
  })
  const stopWatching = watchMounts(systemClock, (points) => checker.checkNow(points))
  return {
    configure: (config) => {
      checker.configure(config)
      return Promise.resolve()
    },
    requests: {
      checkNow: () => {
        checker.checkNow()
        return Promise.resolve({})
      },
      inspect: ({ path }: { path: string }) => inspectPath(path),
    },
    stop: () => {
      stopWatching()
      checker.stop()
      return Promise.resolve()
    },
  }
}
