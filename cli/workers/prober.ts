import { serveProber } from '../../core/check/prober/serve-prober.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'

serveProber(childProcessPort(), new URL('./lane.ts', import.meta.url))
