import type { AppState } from '../../../core/agent/state/schema.ts'
import { shellWord } from '../../../core/lib/i18n/formats.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useView } from '../../state/bridge.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { useWords } from '../../words/context.tsx'

type Mount = NonNullable<NonNullable<AppState['sources'][number]['checked']>['mount']>

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

/** Unmounts, checks and mounts a disk; the root of the system and network shares cannot be repaired like this. */
function repair(mount: Mount | null): string[] {
  if (mount === null || mount.point === '/' || !mount.source.startsWith('/dev/')) return []
  const [device, point] = [shellWord(mount.source), shellWord(mount.point)]
  return [`sudo umount ${point}\nsudo fsck ${device}\nsudo mount ${device} ${point}`]
}

/** Returns the mount of a source or a checked path as last seen. */
function findMount({ sources, checkedPaths }: AppState, path: string): Mount | null {
  const source = sources.find(({ settings }) => settings.path === path)
  const checked = source?.checked ?? checkedPaths.find((one) => one.path === path)?.checked
  return checked?.mount ?? null
}

/** Shows the commands that find or repair a failure, collapsed, to be copied; nothing where none helps. */
export function RemedyCommands({ sentence }: { sentence: Message }) {
  const { t } = useWords()
  const { snapshot } = useView()
  // The commands are those of Linux.
  if (snapshot === null || !/linux/i.test(navigator.userAgent)) return null
  const commands = listRemedyCommands(sentence, findMount(snapshot.state, String(sentence.params.path)))
  if (commands.length === 0) return null
  return (
    <details className="folded">
      <summary>{t('window.remedy.title')}</summary>
      {commands.map((command) => (
        <Copyable key={command} text={command} label="window.pair.copy" done="window.pair.copied" />
      ))}
    </details>
  )
}
