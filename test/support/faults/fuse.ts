import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { until } from '../until.ts'
import { clear, type Undo, workplace } from './mounts.ts'

/** How the daemon treats what it is asked. */
export type FuseMode =
  /** listed: a listing has the file, as if another computer had put it there. */
  | { does: 'answer'; listed?: boolean }
  /**
   * Calls, or those of the process `to`, have no answer until another mode is set; then all get theirs. `behind`: only
   * reads of a file from this byte on have none.
   */
  | { does: 'withhold'; to?: number; behind?: number }
  /** The call fails with this error: looking the file up, or reading it. */
  | { does: 'fail'; at: 'lookup' | 'read'; errno: number }

export interface FuseNews {
  mounted: boolean
  /** How much is withheld. */
  withheld: number
}

export interface Fuse {
  /** The one file that the file system lists. */
  file: string
  /** Any number of large files, by their number: they have zeros. */
  large(index: number): string
  set(mode: FuseMode): Promise<void>
  /** Resolves when somebody waits for an answer that is withheld. */
  untilWithheld(): Promise<void>
  /** Kills the daemon: every call fails from now on, those that wait too (ENOTCONN). */
  kill(): Promise<void>
  /** Mounts it afresh at the same place, with another daemon. */
  mountAgain(): Promise<void>
}

const daemonScript = path.join(import.meta.dirname, 'fuse-daemon.ts')

/** Mounts a FUSE file system of the test's own. Its daemon ends first: nobody can be left waiting for it. */
export async function mountFuse(undo: Undo): Promise<Fuse> {
  const place = workplace()
  let daemon = start(place.point)
  const kill = async () => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return
    const exit = once(daemon, 'exit')
    daemon.kill('SIGKILL')
    await exit
  }
  undo(async () => {
    await kill()
    clear(place.directory)
  })
  await mounted(daemon)
  let withheld = 0
  daemon.on('message', (news: FuseNews) => {
    withheld = news.withheld
  })
  return {
    file: path.join(place.point, 'file'),
    large: (index) => path.join(place.point, `large-${index}`),
    set: (mode) =>
      new Promise((resolve, reject) =>
        daemon.send(mode, (error) => (error === null ? resolve() : reject(error))),
      ),
    untilWithheld: async () => {
      await until('somebody waits for an answer', () => withheld > 0)
    },
    kill,
    mountAgain: async () => {
      await kill()
      clear(place.directory, { keep: true })
      daemon = start(place.point)
      await mounted(daemon)
    },
  }
}

function start(point: string) {
  return fork(daemonScript, [point], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

async function mounted(daemon: ReturnType<typeof start>): Promise<void> {
  let news: FuseNews | null = null
  daemon.once('message', (message: FuseNews) => {
    news = message
  })
  const { mounted: isMounted } = await until('the FUSE file system to be mounted', () => news)
  if (!isMounted) throw new Error('mount -t fuse failed')
}
