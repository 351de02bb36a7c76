import { parentPort } from 'node:worker_threads'
import { runReportThread } from '../../core/report/report-thread.ts'

if (parentPort !== null) runReportThread(parentPort)
