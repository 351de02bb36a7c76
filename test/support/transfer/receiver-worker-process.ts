import { childProcessPort, serveWorker } from '../../../core/lib/workers/serve.ts'
import { receiverDefinition, startReceiver } from './receiver-worker.ts'

const storeThread = new URL('../../../cli/workers/store-thread.ts', import.meta.url)
serveWorker(childProcessPort(), receiverDefinition, startReceiver({ storeThread }))
