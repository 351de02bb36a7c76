import { parentPort } from 'node:worker_threads'
import { runInotifyThread } from '../../core/watch/inotify-thread.ts'

if (parentPort === null) throw new Error('This file is started by the scanner, not by hand.')
runInotifyThread(parentPort)
