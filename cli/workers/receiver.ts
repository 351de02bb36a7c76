import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { receiverDefinition } from '../../core/receive/receiver-messages.ts'
import { startReceiver } from '../../core/receive/receiver-worker.ts'
import { workerScript } from '../worker-script.ts'

const storeThread = workerScript('store-thread')
serveWorker(childProcessPort(), receiverDefinition, startReceiver({ storeThread }))
