import { parentPort, workerData } from 'node:worker_threads'
import { runEventThread } from '../../core/events/event-thread.ts'

if (parentPort !== null) runEventThread(parentPort, workerData.directory)
