import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { senderDefinition } from '../../core/send/sender-messages.ts'
import { SenderWorker } from '../../core/send/sender-worker.ts'

/** The product's own sender process, bundled (bundle.ts). */
const threads = {
  readerThread: new URL('../../cli/workers/reader-thread.js', import.meta.url),
  storeThread: new URL('../../cli/workers/store-thread.js', import.meta.url),
}
serveWorker(childProcessPort(), senderDefinition, (context) => new SenderWorker(context, threads))
