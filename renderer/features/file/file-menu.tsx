import { Menu } from '@mantine/core'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { useCopy } from '../../ui/copy.ts'
import {
  IconCopy,
  IconExternalLink,
  IconFileSearch,
  IconFolder,
  IconHistory,
  IconRestore,
} from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { type SourceFile, useAbsolutePath, useOpenFile } from './open-file.ts'

interface FileMenuProps {
  file: SourceFile
  /** Restore from the place that is shown, in place of the newest copy. */
  onRestore?: () => void
  /** Shows the versions beside the file, in place of its page. */
  onVersions?: () => void
}

/** Menu of a file, the same wherever files are listed. A file of another computer has what its copy allows. */
export function FileMenu({ file, onRestore, onVersions }: FileMenuProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const copy = useCopy()
  const openFile = useOpenFile()
  const absolute = useAbsolutePath(file)
  const { source, path } = file
  const versions = onVersions ?? (absolute === null ? null : () => openFile(absolute, 'versions'))
  const restore = onRestore ?? (absolute === null ? null : () => openFile(absolute, 'restore'))
  return (
    <ActionsMenu name={path}>
      {source !== null && absolute !== null && (
        <>
          <DesktopOnly>
            <Menu.Item
              leftSection={<IconExternalLink size={16} />}
              onClick={() => run('openFile', { source, path, inFolder: false })}
            >
              {t('window.file.open')}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconFolder size={16} />}
              onClick={() => run('openFile', { source, path, inFolder: true })}
            >
              {t('window.file.inFolder')}
            </Menu.Item>
          </DesktopOnly>
          <Menu.Item leftSection={<IconFileSearch size={16} />} onClick={() => openFile(absolute, 'where')}>
            {t('window.file.where')}
          </Menu.Item>
        </>
      )}
      {versions !== null && (
        <Menu.Item leftSection={<IconHistory size={16} />} onClick={versions}>
          {t('window.file.versions')}
        </Menu.Item>
      )}
      {restore !== null && (
        <Menu.Item leftSection={<IconRestore size={16} />} onClick={restore}>
          {t('window.restore.menu')}
        </Menu.Item>
      )}
      <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => copy(absolute ?? path)}>
        {t('window.file.copy')}
      </Menu.Item>
    </ActionsMenu>
  )
}
