import { parentPort } from 'node:worker_threads'
import { runStoreThread } from '../../core/receive/bulk/store-thread.ts'

if (parentPort !== null) runStoreThread(parentPort)
