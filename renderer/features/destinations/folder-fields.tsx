import { Text } from '@mantine/core'
import { useWords } from '../../words/context.tsx'
import { type FieldsProps, TextField } from './fields.tsx'
import { PathButton } from './path-button.tsx'

/** Fields for a directory on another disk or on a mounted share. */
export function FolderFields(props: FieldsProps) {
  const { t } = useWords()
  return (
    <>
      <Text size="sm">{t('window.destinations.folderExplain')}</Text>
      <div className="with-button">
        <TextField {...props} field="path" placeholder="/mnt/backup" data-autofocus />
        <PathButton what="directory" onChoose={(path) => props.onChange({ path })} />
      </div>
    </>
  )
}
