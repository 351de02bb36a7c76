import { checkerDefinition } from '../../core/check/messages.ts'
import { startChecker } from '../../core/check/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

serveWorker(
  childProcessPort(),
  checkerDefinition,
  startChecker({
    historyThread: new URL('./history-thread.ts', import.meta.url),
    laneThread: new URL('./lane.ts', import.meta.url),
    proberProcess: new URL('./prober.ts', import.meta.url),
  }),
)
