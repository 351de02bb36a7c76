import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { restorerDefinition } from '../../core/restore/restore-messages.ts'
import { startRestorer } from '../../core/restore/restore-worker.ts'

serveWorker(childProcessPort(), restorerDefinition, startRestorer)
