import { parentPort } from 'node:worker_threads'
import { runHistoryThread } from '../../core/check/history/history-store.ts'

if (parentPort !== null) runHistoryThread(parentPort)
