import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { scannerDefinition } from '../../core/scan/scanner-messages.ts'
import { startScanner } from '../../core/scan/scanner-worker.ts'
import { workerScript } from '../worker-script.ts'

serveWorker(
  childProcessPort(),
  scannerDefinition,
  startScanner({ watcherThread: workerScript('inotify-thread') }),
)
