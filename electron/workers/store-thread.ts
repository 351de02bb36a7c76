import { parentPort, workerData } from 'node:worker_threads'
import { runStoreThread } from '../../core/store/store-thread.ts'

if (parentPort !== null) runStoreThread(parentPort, workerData)
