import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { monotonicMs } from './monotonic.ts'
import { burstIndex } from './scan-burst-plan.ts'

/** A running `inotifywait -m -r`, and when its lines about a burst's files came out of its pipe. */
export interface Inotifywait {
  readonly pid: number
  /** From its start to "Watches established.", in milliseconds. */
  readonly establishedMs: number
  reportedAt: (number | null)[]
  stop(): Promise<void>
}

export async function startInotifywait(root: string): Promise<Inotifywait> {
  const startedAt = monotonicMs()
  const words = ['-m', '-r', '-e', 'close_write', '-e', 'moved_to', '--format', '%w%f', root]
  const child = spawn('inotifywait', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const reportedAt: (number | null)[] = []
  stampLines(child, reportedAt)
  const establishedMs = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error('inotifywait ended before its watches were established')))
    createInterface(child.stderr).on('line', (line) => {
      if (line.startsWith('Watches established')) resolve(monotonicMs() - startedAt)
    })
  })
  return {
    pid: child.pid ?? 0,
    establishedMs,
    reportedAt,
    stop: () => {
      child.kill('SIGKILL')
      return exited
    },
  }
}

/** All lines of one chunk came at the same moment. */
function stampLines(child: ChildProcess, reportedAt: (number | null)[]): void {
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const at = monotonicMs()
    const lines = `${rest}${chunk.toString()}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const index = burstIndex(line)
      if (index !== null) reportedAt[index] ??= at
    }
  })
}
