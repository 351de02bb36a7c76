import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { until } from '../until.ts'

/**
 * Boots the Debian in directory $1 with its own systemd-nspawn. Everything of this computer is unmounted before, so
 * that no systemd can ever tidy what is not its own; what it has of the cgroups is one empty group, $2.
 */
const BOOT = `
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mkdir -p machine
mount --bind . machine
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
for place in tmp run; do mount -t tmpfs -o mode=755 tmpfs $place; done
mount -t cgroup2 cgroup2 sys/fs/cgroup
pivot_root . mnt
umount -l /mnt
group=/sys/fs/cgroup/$2
mkdir $group
echo $$ > $group/cgroup.procs
systemd-nspawn --directory=/machine --boot --register=no --keep-unit --private-network \\
  --link-journal=no --resolv-conf=off --timezone=off --console=pipe < /dev/null &
trap "kill -TERM $!" TERM
wait $! || wait $! || true
echo $$ > /sys/fs/cgroup/cgroup.procs
find $group -depth -type d -exec rmdir {} +
`

/** A Debian that runs, with a systemd of its own and no network but its own loopback. */
export interface BootedRoot {
  /** Runs a program in it as root; gives what it said. */
  run(...words: string[]): Promise<string>
  close(): Promise<void>
}

/** Boots a clean root that has systemd-sysv and systemd-container; needs root. Close it in any case. */
export async function bootRoot(directory: string): Promise<BootedRoot> {
  const words = ['--mount', 'sh', '-euc', BOOT, 'sh', directory, `holdfast-${process.pid}`]
  const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const close = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    const leader = await until('its first process', async () => {
      if (child.exitCode !== null) throw new Error('it has ended')
      const [nspawn] = await findChildren(child.pid, 'systemd-nspawn')
      return (await findChildren(nspawn, 'systemd'))[0]
    })
    const run = async (...command: string[]) => {
      const all = ['-t', String(leader), '-m', '-u', '-i', '-n', '-p', '-C', '--', ...command]
      return (await promisify(execFile)('nsenter', all, { timeout: 120_000, env: { PATH } })).stdout
    }
    await until('systemd', () =>
      run('systemctl', 'is-system-running').then(
        (state) => state.startsWith('running'),
        () => false,
      ),
    )
    return { run, close }
  } catch (error) {
    await close()
    throw new Error(`it did not boot: ${said}`, { cause: error })
  }
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The children of a process that run a program of this name. */
async function findChildren(pid: number | undefined, name: string): Promise<number[]> {
  const all = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
    .split(' ')
    .filter(Boolean)
  const names = await Promise.all(all.map((one) => readFile(`/proc/${one}/comm`, 'utf8').catch(() => '')))
  return all.filter((_, index) => names[index]?.trim() === name).map(Number)
}
