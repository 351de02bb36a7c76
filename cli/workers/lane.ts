import { parentPort, workerData } from 'node:worker_threads'
import { runLane } from '../../core/check/lanes/run-lane.ts'

if (parentPort === null) throw new Error('This file is started by the checker, not by hand.')
runLane(parentPort, workerData)
