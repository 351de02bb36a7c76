import { notifierDefinition } from '../../core/alert/messages.ts'
import { startNotifier } from '../../core/alert/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

serveWorker(
  childProcessPort(),
  notifierDefinition,
  startNotifier(new URL('./alert-store-thread.ts', import.meta.url)),
)
