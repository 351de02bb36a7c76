import { parentPort } from 'node:worker_threads'
import { runListingThread } from '../../core/scan/listing/thread.ts'

if (parentPort === null) throw new Error('This file is started by the scanner, not by hand.')
runListingThread(parentPort)
