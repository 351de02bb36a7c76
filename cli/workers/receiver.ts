import { receiverDefinition } from '../../core/receive/messages.ts'
import { startReceiver } from '../../core/receive/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

const storeThread = new URL('./store-thread.ts', import.meta.url)
serveWorker(childProcessPort(), receiverDefinition, startReceiver({ storeThread }))
