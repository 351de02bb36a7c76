import { restorerDefinition } from '../../core/restore/messages.ts'
import { startRestorer } from '../../core/restore/worker.ts'
import { serveWorker } from '../../core/worker/serve.ts'
import { utilityProcessPort } from './port.ts'

serveWorker(utilityProcessPort(), restorerDefinition, startRestorer)
