import { parentPort, workerData } from 'node:worker_threads'
import { runAlertStoreThread } from '../../core/alert/store/store-thread.ts'

if (parentPort !== null) runAlertStoreThread(parentPort, workerData.file)
