import { serveWorker } from '../../core/lib/workers/serve.ts'
import { senderDefinition } from '../../core/send/sender-messages.ts'
import { SenderWorker } from '../../core/send/sender-worker.ts'
import { utilityProcessPort } from './port.ts'

const threads = {
  readerThread: new URL('./reader-thread.js', import.meta.url),
  storeThread: new URL('./store-thread.js', import.meta.url),
}
serveWorker(utilityProcessPort(), senderDefinition, (context) => new SenderWorker(context, threads))
