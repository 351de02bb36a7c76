// Debian packages: Electron's shared libraries, and the tests' desktop and fault tools.
import { rm, writeFile } from 'node:fs/promises'
import { dropError, inProject, SetupError, say } from './project.mjs'
import { capture } from './run.mjs'

/**
 * Shared libraries of Electron's binary. "a|b": newer releases renamed the library (64-bit time_t); either one is
 * sufficient.
 */
export const electronPackages = [
  'libgtk-3-0t64|libgtk-3-0',
  'libnss3',
  'libasound2t64|libasound2',
  'libgbm1',
  'libdrm2',
  'libx11-xcb1',
  'libxss1',
  'libxkbcommon0',
  'libxcomposite1',
  'libxdamage1',
  'libxrandr2',
  'libatk-bridge2.0-0t64|libatk-bridge2.0-0',
  'libcups2t64|libcups2',
  'libnotify4',
  'libsecret-1-0',
]

/** A desktop without a screen, tools that operate it, and tools that inject real faults. */
export const testPackages = [
  'xvfb',
  'xauth',
  'dbus',
  'dbus-x11',
  'xfwm4',
  'xfce4-panel',
  'xfconf',
  'dunst',
  'libglib2.0-bin',
  'xdotool',
  'imagemagick',
  'x11-utils',
  'librsvg2-bin',
  'fonts-noto-cjk',
  'fonts-dejavu-core',
  'rsync',
  'inotify-tools',
  'e2fsprogs',
  'xfsprogs',
  'btrfs-progs',
  'ntfs-3g',
  'exfat-fuse',
  'exfatprogs',
  'util-linux',
  'mount',
  'procps',
  'systemd',
  'python3-aiosmtpd',
  'mandoc',
  'logrotate',
  'xz-utils',
  'zstd',
  'bzip2',
]

/** Storage servers to send to, an MQTT broker, proxies, programs that decrypt files independently, set attributes, or are compared with. */
export const serverPackages = [
  'ceph-mon',
  'ceph-osd',
  'radosgw',
  'swift-proxy',
  'swift-account',
  'swift-container',
  'swift-object',
  'memcached',
  'apache2-bin',
  'nginx-light',
  'openssh-server',
  'openssh-sftp-server',
  'dropbear-bin',
  'proftpd-core',
  'proftpd-mod-crypto',
  'rclone',
  'mosquitto',
  'mosquitto-clients',
  'tinyproxy-bin',
  'microsocks',
  'age',
  'acl',
  'attr',
]

/** Creates a separate Debian system, for `npm run test:package`. */
export const cleanRootPackages = ['debootstrap']

/**
 * Returns the packages of `wanted` without an installed alternative; null if there is no dpkg.
 * @param {string[]} wanted
 */
export async function missingPackages(wanted) {
  const names = wanted.flatMap((entry) => entry.split('|'))
  const answer = await capture('dpkg-query', ['-W', '-f', `\${Package} \${db:Status-Status}\\n`, ...names])
  if (answer.missing) return null
  // Status 1 means that some names are unknown; the known ones are still listed.
  const installed = new Set(
    answer.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  )
  return wanted.filter((entry) => !entry.split('|').some((name) => installed.has(name)))
}

/**
 * Returns the alternatives that this release has.
 * @param {string[]} entries
 */
async function namesHere(entries) {
  const choices = entries.map(async (entry) => {
    for (const name of entry.split('|')) {
      const { status, stdout } = await capture('apt-cache', ['show', '--no-all-versions', name])
      if (status === 0 && stdout.includes(`Package: ${name}`)) return name
    }
    return entry.split('|').at(-1) ?? entry
  })
  return Promise.all(choices)
}

const aptEnvironment = () => ({ ...process.env, DEBIAN_FRONTEND: 'noninteractive' })

/** @param {string[]} args */
async function aptGet(args) {
  // The lock timeout makes concurrent set-ups wait for each other.
  return capture('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    env: aptEnvironment(),
    timeoutMs: 1_200_000,
  })
}

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Runs an installation without starting the packages' services: the tests start servers with their own settings.
 * @param {() => Promise<void>} install
 */
async function withoutServices(install) {
  let isOurs = true
  await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).catch((error) => {
    // A policy already exists, or this user is not allowed to install packages either.
    dropError(error, 'the policy about services stays as it is')
    isOurs = false
  })
  try {
    return await install()
  } finally {
    if (isOurs) await rm(POLICY, { force: true })
  }
}

/** Installs the tests' servers; requires root. */
export function ensureServers() {
  return withoutServices(() => ensurePackages(serverPackages, 'the storage servers of the tests'))
}

/**
 * Installs missing packages. If that is impossible (not root, no apt), the error message is the command to run.
 * `purpose` completes "packages for …".
 * @param {string[]} wanted
 * @param {string} purpose
 */
export async function ensurePackages(wanted, purpose) {
  const missing = await missingPackages(wanted)
  if (missing === null) {
    say(`This system has no dpkg: that everything for ${purpose} is installed is taken for granted.`)
    return
  }
  if (missing.length === 0) return
  const isRoot = process.getuid?.() === 0
  const fallback = missing.map((entry) => entry.split('|').at(-1) ?? entry)
  const names = (await capture('apt-cache', ['--version'])).missing ? fallback : await namesHere(missing)
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`
  if (!isRoot) {
    throw new SetupError(
      `Debian packages are missing for ${purpose}. Run this as root, then start again in ${inProject()}:\n  ${command}`,
    )
  }
  say(`Installing Debian packages for ${purpose}: ${names.join(' ')}`)
  const install = ['install', '-y', '--no-install-recommends', ...names]
  let result = await aptGet(install)
  if (result.status !== 0 && !result.missing) {
    // Usually the package lists are missing, or older than the mirror.
    await aptGet(['update'])
    const renamed = await namesHere(missing)
    result = await aptGet(['install', '-y', '--no-install-recommends', ...renamed])
  }
  const still = await missingPackages(wanted)
  if (still !== null && still.length > 0) {
    throw new SetupError(
      `These Debian packages could not be installed: ${still.join(' ')}.\n${result.stderr.slice(-2000).trim()}\n` +
        `Put this right, or run it by hand, then start again:\n  ${command}`,
    )
  }
}
