import { notifierDefinition } from '../../core/alert/messages.ts'
import { startNotifier } from '../../core/alert/worker.ts'
import { childProcessPort } from '../../core/lib/workers/child-process-port.ts'
import { serveWorker } from '../../core/lib/workers/serve.ts'
import { workerScript } from '../worker-script.ts'

serveWorker(childProcessPort(), notifierDefinition, startNotifier(workerScript('alert-store-thread')))
