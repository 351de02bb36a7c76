import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { receiverDefinition, startReceiver } from '../support/transfer/receiver-worker.ts'

/** The product's own receiver process, bundled (bundle.ts). */
const storeThread = new URL('../../cli/workers/store-thread.js', import.meta.url)
serveWorker(childProcessPort(), receiverDefinition, startReceiver({ storeThread }))
