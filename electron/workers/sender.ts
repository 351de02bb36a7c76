import { senderDefinition } from '../../core/send/messages.ts'
import { startSender } from '../../core/send/worker.ts'
import { serveWorker } from '../../core/worker/serve.ts'
import { utilityProcessPort } from './port.ts'

const readerThread = new URL('./reader-thread.js', import.meta.url)
const storeThread = new URL('./store-thread.js', import.meta.url)
serveWorker(utilityProcessPort(), senderDefinition, startSender({ readerThread, storeThread }))
