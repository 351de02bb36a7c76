import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { senderDefinition } from '../../core/send/sender-messages.ts'
import { SenderWorker } from '../../core/send/sender-worker.ts'
import { workerScript } from '../worker-script.ts'

const threads = { readerThread: workerScript('reader-thread'), storeThread: workerScript('store-thread') }
serveWorker(childProcessPort(), senderDefinition, (context) => new SenderWorker(context, threads))
