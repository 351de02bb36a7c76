import { parentPort, workerData } from 'node:worker_threads'
import { runAlertStoreThread } from '../../core/alerts/store/store-thread.ts'

if (parentPort !== null) runAlertStoreThread(parentPort, workerData.file)
