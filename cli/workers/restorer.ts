import { childProcessPort } from '../../core/lib/workers/child-process-port.ts'
import { serveWorker } from '../../core/lib/workers/serve.ts'
import { restorerDefinition } from '../../core/restore/messages.ts'
import { startRestorer } from '../../core/restore/worker.ts'

serveWorker(childProcessPort(), restorerDefinition, startRestorer)
