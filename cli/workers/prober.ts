import { serveProber } from '../../core/check/prober/serve-prober.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'
import { workerScript } from '../worker-script.ts'

serveProber(childProcessPort(), workerScript('lane'))
