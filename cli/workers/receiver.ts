import { receiverDefinition } from '../../core/receive/messages.ts'
import { startReceiver } from '../../core/receive/worker.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { serveWorker } from '../../core/worker/serve.ts'
import { workerScript } from '../worker-script.ts'

const storeThread = workerScript('store-thread')
serveWorker(childProcessPort(), receiverDefinition, startReceiver({ storeThread }))
