import { serveProber } from '../../core/check/prober/serve-prober.ts'
import { childProcessPort } from '../../core/worker/child-process-port.ts'

// Started by the checker as plain Node: its port is a child process's, not a utility process's.
serveProber(childProcessPort(), new URL('./lane.js', import.meta.url))
