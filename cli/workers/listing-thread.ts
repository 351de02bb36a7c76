import { parentPort } from 'node:worker_threads'
import { runListingThread } from '../../core/scan/listing/thread.ts'

if (parentPort !== null) runListingThread(parentPort)
