import { UnstyledButton } from '@mantine/core'
import { baseName } from '../../format/path.ts'
import { Breakable } from '../../ui/breakable.tsx'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'
import { type SourceFile, useAbsolutePath, useOpenFile } from './open-file.ts'

interface FileNameProps {
  file: SourceFile
  /** Without its directory, which is named above it. */
  isShort?: boolean
}

/** Shows a file's path in its folder; a press opens its page. */
export function FileName({ file, isShort = false }: FileNameProps) {
  const openFile = useOpenFile()
  const absolute = useAbsolutePath(file)
  const press = absolute === null ? undefined : () => openFile(absolute, 'where')
  return <PathText path={isShort ? baseName(file.path) : file.path} onPress={press} />
}

/** Shows a file's whole name, which may wrap; a press opens its page. */
export function FileLink({ file, name }: { file: SourceFile; name: string }) {
  const { t } = useWords()
  const openFile = useOpenFile()
  const absolute = useAbsolutePath(file)
  if (absolute === null)
    return (
      <span className="breakable listing-name">
        <Breakable text={name} />
      </span>
    )
  return (
    <UnstyledButton
      className="breakable listing-name"
      aria-label={t('window.file.whereIs', { path: name })}
      onClick={() => openFile(absolute, 'where')}
    >
      <Breakable text={name} />
    </UnstyledButton>
  )
}
