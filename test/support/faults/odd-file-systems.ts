import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { canMount, clear, type Undo, workplace } from './mounts.ts'

// File systems that take several names for one, each in a file of its own, served by a FUSE daemon.

const run = promisify(execFile)
const TIMEOUT = { timeout: 20_000, killSignal: 'SIGKILL' } as const

export const hasOddFileSystems =
  canMount &&
  ['/usr/bin/lowntfs-3g', '/usr/sbin/mkfs.ntfs', '/usr/sbin/mount.exfat-fuse', '/usr/sbin/mkfs.exfat'].every(
    (program) => existsSync(program),
  )

async function image(undo: Undo) {
  const { directory, point } = workplace()
  // The daemon ends with its mount.
  undo(async () => clear(directory))
  const file = path.join(directory, 'image')
  await run('truncate', ['-s', '64M', file], TIMEOUT)
  return { file, point }
}

/** NTFS for which upper and lower case are one, as for Windows; it lists every name in lower case. */
export function mountNtfs(undo: Undo): Promise<string> {
  return mountNtfsWith(undo, 'ignore_case')
}

/** @param options of lowntfs-3g(8), such as "umask=0"; without "permissions" it keeps no modes. */
export async function mountNtfsWith(undo: Undo, options: string): Promise<string> {
  const { file, point } = await image(undo)
  await run('mkfs.ntfs', ['-q', '-Q', '-F', file], TIMEOUT)
  await run('lowntfs-3g', ['-o', options, file, point], TIMEOUT)
  return point
}

/** Every file has mode 0777, and chmod(2) changes nothing: as on a CIFS mount with file_mode=0777. */
export async function mountExfat(undo: Undo): Promise<string> {
  const { file, point } = await image(undo)
  await run('mkfs.exfat', [file], TIMEOUT)
  // It takes nothing but a block device.
  const { stdout } = await run('losetup', ['--find', '--show', file], TIMEOUT)
  const device = stdout.trim()
  try {
    await run('mount.exfat-fuse', [device, point], TIMEOUT)
  } finally {
    // Who has it open keeps it until then.
    await run('losetup', ['--detach', device], TIMEOUT)
  }
  return point
}
