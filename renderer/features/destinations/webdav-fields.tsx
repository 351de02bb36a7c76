import { useWords } from '../../words/context.tsx'
import { StorageNote } from '../channels/storage-note.tsx'
import { type FieldsProps, FolderField, SecretField, TextField } from './fields.tsx'

/** Fields for a folder at a WebDAV server: address and login. */
export function WebdavFields(props: FieldsProps) {
  const { t } = useWords()
  const { onChange } = props
  return (
    <>
      {/* The certificate belongs to the address: another server has to present its own. */}
      <TextField
        {...props}
        field="url"
        inputMode="url"
        placeholder="https://cloud.example.org/remote.php/dav/files/ada/backup"
        description={t('window.destinations.hint.url')}
        data-autofocus
        onChange={(changes) => onChange({ ...changes, certificate: '' })}
      />
      <TextField {...props} field="user" maxLength={200} />
      <SecretField {...props} field="password" hint={t('window.destinations.hint.appPassword')} />
      <StorageNote storage={props.secretStorage} />
      <FolderField {...props} />
    </>
  )
}
