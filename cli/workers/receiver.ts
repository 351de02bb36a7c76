import { receiverDefinition } from '../../core/receive/messages.ts'
import { startReceiver } from '../../core/receive/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'

const manifestThread = new URL('./manifest-thread.ts', import.meta.url)
const storeThread = new URL('./store-thread.ts', import.meta.url)
serveWorker(childProcessPort(), receiverDefinition, startReceiver({ manifestThread, storeThread }))
