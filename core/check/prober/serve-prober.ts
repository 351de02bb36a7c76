import { constants } from 'node:os'
import { dirname } from 'node:path'
import { errorCode } from '../../files/system-error.ts'
import type { WorkerPort } from '../../worker/port.ts'
import { close, open, read, stat } from '../probes/calls.ts'
import { createSystemDisk, type Disk } from '../probes/disk.ts'
import { systemErrorOf } from '../probes/errno.ts'
import { type Failure, type Findings, newProgress, type Progress } from '../probes/findings.ts'
import { removeLeftOvers } from '../probes/leftovers.ts'
import { readFile } from '../probes/read-file.ts'
import { writeFile } from '../probes/write-file.ts'
import { type Answer, type Job, type Result, requestSchema, type StepFailure } from './protocol.ts'
import { createQuickReads } from './quick-reads.ts'

/** A token, a password: nothing longer is a small text. */
const MOST_TEXT_BYTES = 4096

/**
 * Runs jobs as they come, each by itself, and quick reads through lanes; sends what they find, all of one moment
 * together.
 *
 * @param laneThread is the host's own script that calls runLane.
 */
export function serveProber(port: WorkerPort, laneThread: URL): void {
  let result: Result = { answers: [], wells: [] }
  let isDue = false
  const sendSoon = () => {
    if (isDue) return
    isDue = true
    setImmediate(() => {
      port.post(result)
      result = { answers: [], wells: [] }
      isDue = false
    })
  }
  const answer = (one: Answer) => {
    result.answers.push(one)
    sendSoon()
  }
  const quick = createQuickReads(laneThread, {
    answer,
    well: (id, delayMs) => {
      result.wells.push(id, delayMs)
      sendSoon()
    },
  })
  port.listen((raw) => {
    const request = requestSchema.parse(raw)
    for (const { id, path } of request.learn) quick.learn(id, path)
    for (const id of request.forget) quick.forget(id)
    for (const id of request.quick) quick.read(id)
    for (const job of request.jobs) void runJob(job, answer)
  })
  // An ordinary exit would wait for the threads that hang in the kernel.
  port.onClose(() => process.kill(process.pid, 'SIGKILL'))
}

async function runJob(job: Job, answer: (one: Answer) => void): Promise<void> {
  const { id } = job
  const path = Buffer.from(job.path, 'latin1')
  switch (job.does) {
    case 'read': {
      const { delayMs, failure, isBuffered } = await readFile(path, { isBuffered: false })
      return answer({
        id,
        did: 'read',
        delayMs,
        failure: failure && { ...failure, cause: 'call' },
        isBuffered,
      })
    }
    case 'write': {
      const enter = (step: string) => answer({ id, did: 'step', step })
      return answer({ id, did: 'write', ...(await probeDirectory(path.toString('utf8'), enter)) })
    }
    case 'text':
      return answer({ id, did: 'text', ...(await readText(path)) })
    case 'check':
      return answer({ id, did: 'check', findings: await runCheck(job, path.toString('utf8'), answer) })
    default:
      job satisfies never
  }
}

let disk: Disk | null = null

/** A whole check, as the checker itself would do it, telling each step before it begins. */
function runCheck(
  { id, probes, memory }: Extract<Job, { does: 'check' }>,
  path: string,
  answer: (one: Answer) => void,
): Promise<Findings> {
  disk ??= createSystemDisk()
  let hasLeft = false
  const told = newProgress(probes)
  const tell = () => {
    answer({ id, did: 'progress', progress: { ...told, done: { ...told.done } }, hasLeft })
  }
  const progress: Progress = {
    ...told,
    done: told.done,
    set step(step: string) {
      Object.assign(told, { step, probe: this.probe, delayMs: this.delayMs, kind: this.kind })
      tell()
    },
    get step() {
      return told.step
    },
    leaveFileSystem: () => {
      hasLeft = true
      told.kind = progress.kind
      tell()
    },
  }
  // Its very first call may be the one that never returns: the time begins with it.
  tell()
  return disk.check(path, probes, memory, progress)
}

async function probeDirectory(
  path: string,
  enter: (step: string) => void,
): Promise<{ elapsedMs: number; failures: StepFailure[] }> {
  const directory = await directoryOf(path)
  const { failures, elapsedMs } = await writeFile(directory, { isBuffered: true, enter })
  if (failures.length === 0) await removeLeftOvers(directory)
  return { elapsedMs, failures: failures.map(stepFailure) }
}

/**
 * A file stands for the directory that it is in, also one that is not there yet, as `touch` would make it: what is
 * probed is whether one can be made there.
 */
async function directoryOf(path: string): Promise<string> {
  const above = dirname(path)
  try {
    return (await stat(path)).isDirectory() ? path : above
  } catch (thrown) {
    // Whatever else is wrong with it, the probe's first step will name it.
    if (errorCode(thrown) !== 'ENOENT') return path
    const isInDirectory = await stat(above).then(
      (stats) => stats.isDirectory(),
      () => false,
    )
    return isInDirectory ? above : path
  }
}

/** A write probe meets failed calls and missing inodes; the facts of a mount are not its business. */
function stepFailure(failure: Failure): StepFailure {
  const { step } = failure
  if (failure.cause === 'call') return { step, errno: failure.errno, code: failure.code, cause: 'call' }
  return { step, errno: constants.errno.ENOSPC, code: 'ENOSPC', cause: 'no-inodes' }
}

async function readText(path: Buffer): Promise<{ text: string | null; failure: StepFailure | null }> {
  let step = 'open'
  try {
    const file = await open(path, 'r')
    try {
      step = 'read'
      const { bytesRead, buffer } = await read(file, Buffer.alloc(MOST_TEXT_BYTES), 0, MOST_TEXT_BYTES, null)
      return { text: buffer.toString('utf8', 0, bytesRead), failure: null }
    } finally {
      await close(file)
    }
  } catch (thrown) {
    return { text: null, failure: { step, cause: 'call', ...systemErrorOf(thrown) } }
  }
}
