import { serveWorker } from '../../core/lib/workers/serve.ts'
import { restorerDefinition } from '../../core/restore/messages.ts'
import { startRestorer } from '../../core/restore/worker.ts'
import { utilityProcessPort } from './port.ts'

serveWorker(utilityProcessPort(), restorerDefinition, startRestorer)
