import { serveWorker } from '../../core/lib/workers/serve.ts'
import { restorerDefinition } from '../../core/restore/restore-messages.ts'
import { startRestorer } from '../../core/restore/restore-worker.ts'
import { utilityProcessPort } from './port.ts'

serveWorker(utilityProcessPort(), restorerDefinition, startRestorer)
