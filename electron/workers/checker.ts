import { checkerDefinition } from '../../core/check/messages.ts'
import { startChecker } from '../../core/check/worker.ts'
import { serveWorker } from '../../core/worker/serve.ts'
import { utilityProcessPort } from './port.ts'

serveWorker(utilityProcessPort(), checkerDefinition, startChecker)
