import { isPlainAddress, isPrivateAddress } from '../../../core/settings/destination-catalog.ts'
import { useWords } from '../../words/context.tsx'
import { StorageNote } from '../channels/storage-note.tsx'
import { isEndpoint, readEncryption, readFolder, required, toEncryption } from './draft.ts'
import { type FieldsProps, FolderField, SecretField, TextField } from './fields.tsx'
import type { KindForm } from './forms.ts'

/** Fields for a folder at a WebDAV server: address and login. */
function WebdavFields(props: FieldsProps) {
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

const isAddress = (address: string) =>
  isEndpoint(address) && isPlainAddress(address) && isPrivateAddress(address)

export const webdavForm: KindForm<'webdav'> = {
  Fields: WebdavFields,
  toDraft: ({ certificate, recipient, kind: _kind, id: _id, ...same }) => ({
    ...same,
    certificate: certificate ?? '',
    ...toEncryption(recipient),
  }),
  read: (draft, refuse) => ({
    url: required(draft, 'url', refuse, isAddress).replace(/\/+$/, ''),
    user: required(draft, 'user', refuse, (user) => !user.includes(':')),
    certificate: draft.certificate || null,
    ...readFolder(draft, refuse),
    ...readEncryption(draft, refuse),
  }),
  getName: ({ url }) => URL.parse(url.trim())?.hostname ?? '',
}
