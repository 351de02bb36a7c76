import { senderDefinition } from '../../core/send/messages.ts'
import { startSender } from '../../core/send/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

const readerThread = new URL('./reader-thread.ts', import.meta.url)
serveWorker(childProcessPort(), senderDefinition, startSender({ readerThread }))
