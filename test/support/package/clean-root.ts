import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const options = { maxBuffer: 64 * 2 ** 20, timeout: 600_000 }

/** The user who works in a clean root. */
export const USER = { name: 'tester', id: 1000, home: '/home/tester' }

/** A Debian of its own in a directory, as it is after its installation. */
export interface CleanRoot {
  directory: string
  /** Runs a program in it as root; gives what it said. */
  run(...words: string[]): Promise<string>
  /** The words before a program that is to run in it as the ordinary user, with this environment alone. */
  asUser(env: Record<string, string>): [string, ...string[]]
  /** Makes a directory of this computer be there at the same path. */
  bind(place: string): Promise<void>
  /** Every file and directory that it has, without what users and package managers keep. */
  files(): Promise<Set<string>>
  remove(): Promise<void>
}

/** Made by debootstrap, with these packages, from Debian's mirror; needs root, debootstrap and half a minute. Remove it in any case. */
export async function makeCleanRoot(
  packages = 'ca-certificates,desktop-file-utils,hicolor-icon-theme,fonts-dejavu-core',
): Promise<CleanRoot> {
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-root-'))
  const mounts: string[] = []
  const inside = (place: string) => path.join(directory, place)
  const root: CleanRoot = {
    directory,
    run: async (...words) => (await run('chroot', [directory, ...words], options)).stdout,
    asUser: (env) => [
      'chroot',
      `--userspec=${USER.id}:${USER.id}`,
      directory,
      'env',
      '-i',
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ],
    bind: async (place) => {
      await mkdir(inside(place), { recursive: true })
      await run('mount', ['--bind', place, inside(place)])
      mounts.unshift(inside(place))
    },
    files: async () => {
      const left = [
        'home',
        'proc',
        'dev',
        'sys',
        'tmp',
        'var/log',
        'var/cache',
        'var/lib/dpkg',
        'var/lib/apt',
      ]
      const { stdout } = await run('find', [directory, '-xdev', '-printf', '%P\n'], options)
      const isLeft = (file: string) => left.some((place) => file === place || file.startsWith(`${place}/`))
      return new Set(stdout.split('\n').filter((file) => !isLeft(file)))
    },
    remove: async () => {
      for (const mount of mounts) await run('umount', ['-l', mount])
      // Should something still be mounted there, it belongs to this computer.
      await run('rm', ['-rf', '--one-file-system', directory], options)
    },
  }
  await run('chmod', ['755', directory])
  await run('debootstrap', ['--variant=minbase', `--include=${packages}`, 'bookworm', directory], options)
  await copyFile('/etc/resolv.conf', inside('/etc/resolv.conf'))
  await run('mount', ['-t', 'proc', 'proc', inside('/proc')])
  mounts.unshift(inside('/proc'))
  await run('mount', ['--bind', '--make-private', '/dev', inside('/dev')])
  mounts.unshift(inside('/dev'))
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', inside('/dev/shm')])
  mounts.unshift(inside('/dev/shm'))
  await root.run('useradd', '--create-home', '--uid', String(USER.id), USER.name)
  return root
}
