import { serveWorker } from '../../core/lib/workers/serve.ts'
import { receiverDefinition } from '../../core/receive/receiver-messages.ts'
import { startReceiver } from '../../core/receive/receiver-worker.ts'
import { utilityProcessPort } from './port.ts'

const storeThread = new URL('./store-thread.js', import.meta.url)
serveWorker(utilityProcessPort(), receiverDefinition, startReceiver({ storeThread }))
