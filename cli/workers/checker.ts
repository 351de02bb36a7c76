import { checkerDefinition } from '../../core/check/checker-messages.ts'
import { startChecker } from '../../core/check/checker-worker.ts'
import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { workerScript } from '../worker-script.ts'

serveWorker(childProcessPort(), checkerDefinition, startChecker(workerScript('history-thread')))
