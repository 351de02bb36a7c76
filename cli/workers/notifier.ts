import { notifierDefinition } from '../../core/alerts/notifier-messages.ts'
import { startNotifier } from '../../core/alerts/notifier-worker.ts'
import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { workerScript } from '../worker-script.ts'

serveWorker(childProcessPort(), notifierDefinition, startNotifier(workerScript('alert-store-thread')))
