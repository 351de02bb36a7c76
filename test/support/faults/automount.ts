import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { promisify } from 'node:util'
import { until } from '../until.ts'
import { clear, type Undo, workplace } from './mounts.ts'

const run = promisify(execFile)

/** Makes an automount point that nothing is mounted at yet. Its daemon ends first: then the kernel lets nobody wait. */
export async function makeAutomount(undo: Undo): Promise<{ point: string; expire(): Promise<void> }> {
  const { directory, point } = workplace()
  const daemon = fork(path.join(import.meta.dirname, 'automount-daemon.ts'), [point], { detached: true })
  undo(async () => {
    const exit = once(daemon, 'exit')
    daemon.kill('SIGKILL')
    if (daemon.exitCode === null) await exit
    clear(directory)
  })
  let isMounted = false
  daemon.once('message', () => {
    isMounted = true
  })
  await until('the automount point', () => isMounted || daemon.exitCode !== null)
  if (!isMounted) throw new Error('mount -t autofs failed')
  return {
    point,
    /** Unmounts the disk, as the daemon does when nobody has used it for a while. */
    expire: async () => {
      await until(`unmounting ${point}`, async () => {
        await run('umount', [point])
        return true
      })
    },
  }
}
