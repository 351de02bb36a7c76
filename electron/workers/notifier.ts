import { notifierDefinition } from '../../core/alert/messages.ts'
import { startNotifier } from '../../core/alert/worker.ts'
import { serveWorker } from '../../core/lib/workers/serve.ts'
import { utilityProcessPort } from './port.ts'

serveWorker(
  utilityProcessPort(),
  notifierDefinition,
  startNotifier(new URL('./alert-store-thread.js', import.meta.url)),
)
