import { scannerDefinition } from '../../core/scan/messages.ts'
import { startScanner } from '../../core/scan/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'
import { workerScript } from '../worker-script.ts'

serveWorker(
  childProcessPort(),
  scannerDefinition,
  startScanner({ watcherThread: workerScript('inotify-thread') }),
)
