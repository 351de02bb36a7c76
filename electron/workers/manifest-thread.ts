import { parentPort } from 'node:worker_threads'
import { runManifestThread } from '../../core/receive/manifest/manifest-thread.ts'

if (parentPort !== null) runManifestThread(parentPort)
