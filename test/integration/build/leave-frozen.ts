// A test process that is about to be killed in the middle of a test with a frozen file system.
import { mountExt4 } from '../../support/faults/mounts.ts'

const disk = await mountExt4(() => undefined)
await disk.freeze()
process.send?.(disk.point)
setInterval(() => undefined, 60_000)
