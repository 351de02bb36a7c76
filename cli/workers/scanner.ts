import { scannerDefinition } from '../../core/scan/messages.ts'
import { startScanner } from '../../core/scan/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

serveWorker(
  childProcessPort(),
  scannerDefinition,
  startScanner({
    watcherThread: new URL('./inotify-thread.ts', import.meta.url),
    listingThread: new URL('./listing-thread.ts', import.meta.url),
  }),
)
