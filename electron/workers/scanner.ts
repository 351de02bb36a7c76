import { serveWorker } from '../../core/lib/workers/serve.ts'
import { scannerDefinition } from '../../core/scan/scanner-messages.ts'
import { startScanner } from '../../core/scan/scanner-worker.ts'
import { utilityProcessPort } from './port.ts'

const watcherThread = new URL('./inotify-thread.js', import.meta.url)
serveWorker(utilityProcessPort(), scannerDefinition, startScanner({ watcherThread }))
