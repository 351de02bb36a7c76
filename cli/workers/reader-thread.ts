import { parentPort } from 'node:worker_threads'
import { runReaderThread } from '../../core/send/reading/reader-thread.ts'

if (parentPort !== null) runReaderThread(parentPort)
