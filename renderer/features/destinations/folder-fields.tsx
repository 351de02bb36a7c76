import { Text } from '@mantine/core'
import { useWords } from '../../words/context.tsx'
import { isAbsolute, readEncryption, required, toEncryption } from './draft.ts'
import { type FieldsProps, TextField } from './fields.tsx'
import type { KindForm } from './forms.ts'
import { PathButton } from './path-button.tsx'

/** Fields for a directory on another disk or on a mounted share. */
function FolderFields(props: FieldsProps) {
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

export const folderForm: KindForm<'folder'> = {
  Fields: FolderFields,
  toDraft: ({ path, hideNames, recipient }) => ({ path, hideNames, ...toEncryption(recipient) }),
  read: (draft, refuse) => ({
    path: required(draft, 'path', refuse, isAbsolute),
    ...readEncryption(draft, refuse),
  }),
  getName: ({ path }) => path.trim().split(/[\\/]/).filter(Boolean).at(-1) ?? '',
}
