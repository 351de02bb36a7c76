import { checkerDefinition } from '../../core/check/checker-messages.ts'
import { startChecker } from '../../core/check/checker-worker.ts'
import { serveWorker } from '../../core/lib/workers/serve.ts'
import { utilityProcessPort } from './port.ts'

const historyThread = new URL('./history-thread.js', import.meta.url)
serveWorker(utilityProcessPort(), checkerDefinition, startChecker(historyThread))
