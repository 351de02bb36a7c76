import { parentPort } from 'node:worker_threads'
import { runInotifyThread } from '../../core/watch/inotify-thread.ts'

if (parentPort !== null) runInotifyThread(parentPort)
