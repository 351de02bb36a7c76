import { notifierDefinition } from '../../core/alerts/notifier-messages.ts'
import { startNotifier } from '../../core/alerts/notifier-worker.ts'
import { serveWorker } from '../../core/lib/workers/serve.ts'
import { utilityProcessPort } from './port.ts'

serveWorker(
  utilityProcessPort(),
  notifierDefinition,
  // The build puts this script into the same directory as this one.
  startNotifier(new URL('./alert-store-thread.js', import.meta.url)),
)
