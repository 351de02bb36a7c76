import { restorerDefinition } from '../../core/restore/messages.ts'
import { startRestorer } from '../../core/restore/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

serveWorker(childProcessPort(), restorerDefinition, startRestorer)
