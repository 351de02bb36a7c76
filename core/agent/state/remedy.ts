import { shellWord } from '../../lib/i18n/formats.ts'
import type { Message } from '../../lib/i18n/message.ts'
import type { AppState } from './schema.ts'

type Checked = NonNullable<AppState['checkedPaths'][number]['checked']>
type Mount = Pick<NonNullable<Checked['mount']>, 'source' | 'point'>

/** Shows the end of the kernel's log, where the reason of a disk's failure is. */
const KERNEL_LOG = 'sudo dmesg | tail -n 50'

/** Returns the commands of a Linux terminal that find or repair a failure, with the real device and path filled in. */
export function listRemedyCommands({ key, params }: Message, mount: Mount | null): string[] {
  const path = shellWord(String(params.path ?? ''))
  const point = shellWord(mount?.point ?? String(params.point ?? params.path ?? ''))
  switch (key) {
    case 'check.readOnly':
    case 'check.mountEmergency':
    case 'check.ext4Errors':
    case 'check.ioError':
      return [KERNEL_LOG, ...repair(mount)]
    case 'check.mountReadOnly':
      return [KERNEL_LOG, `sudo mount -o remount,rw ${point}`]
    case 'check.hung':
    case 'check.fileSystemHung':
    case 'check.error':
      return [KERNEL_LOG]
    case 'check.full':
    case 'check.quota':
      return [`du -xhd1 ${path} | sort -h | tail`]
    case 'check.noInodes':
      return [`du -x --inodes -d1 ${path} | sort -n | tail`]
    case 'check.permission':
      return [`ls -ld ${path}`]
    case 'check.stale':
      return [`sudo umount -l ${point}\nsudo mount ${point}`]
    case 'check.unmounted':
      return [`sudo mount ${point}`]
    case 'scan.watchLimitPart':
    case 'scan.watchLimitPolled':
      return ['sudo sysctl fs.inotify.max_user_watches=1048576']
    case 'scan.neverSent':
      return [`find ${path} -type f -exec chmod g-w {} +\nrm ${shellWord(`${params.path}/${params.mark}`)}`]
    default:
      return []
  }
}

/**
 * Unmounts, checks and mounts a disk; the root of the system and network shares cannot be repaired like this. The first
 * mount takes its options, such as errors=remount-ro, from /etc/fstab; the second is for a disk that is not in it.
 */
function repair(mount: Mount | null): string[] {
  if (mount === null || mount.point === '/' || !mount.source.startsWith('/dev/')) return []
  const [device, point] = [shellWord(mount.source), shellWord(mount.point)]
  return [`sudo umount ${point}\nsudo fsck ${device}\nsudo mount ${point} || sudo mount ${device} ${point}`]
}

/** Returns the mount of a source or a checked path as last seen. */
export function findMount(
  { sources, checkedPaths }: Pick<AppState, 'sources' | 'checkedPaths'>,
  path: string,
): Mount | null {
  const source = sources.find(({ settings }) => settings.path === path)
  const checked = source?.checked ?? checkedPaths.find((one) => one.path === path)?.checked
  return checked?.mount ?? null
}
