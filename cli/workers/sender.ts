import { senderDefinition } from '../../core/send/messages.ts'
import { startSender } from '../../core/send/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'
import { workerScript } from '../worker-script.ts'

const readerThread = workerScript('reader-thread')
const storeThread = workerScript('store-thread')
serveWorker(childProcessPort(), senderDefinition, startSender({ readerThread, storeThread }))
