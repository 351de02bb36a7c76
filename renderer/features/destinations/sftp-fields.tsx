import { Button, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { getDestinationSecrets } from '../../../core/backends/kinds.ts'
import { readSftpTarget } from '../../../core/backends/sftp/target.ts'
import type { Message, WordKey } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { useWords } from '../../words/context.tsx'
import { StorageNote } from '../channels/storage-note.tsx'
import { type Draft, type Login, readSecrets } from './draft.ts'
import type { OwnForm } from './fields.tsx'
import { AddressFields, type FieldsProps, FolderField, SecretField, TextField } from './fields.tsx'
import { PathButton } from './path-button.tsx'

const logins: readonly (readonly [Login, WordKey])[] = [
  ['password', 'window.destinations.login.password'],
  ['file', 'window.destinations.login.file'],
  ['key', 'window.destinations.login.key'],
  ['agent', 'window.destinations.login.agent'],
]

/** Takes the server's host key from OpenSSH's known_hosts file. */
function KnownHosts({ draft, onChange }: FieldsProps) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const [said, setSaid] = useState<{ of: string; sentence: Message } | null>(null)
  const host = draft.host.trim()
  const port = Number(draft.port)
  const of = `${host} ${port}`
  const isReady = host !== '' && Number.isInteger(port) && port >= 1 && port <= 65_535
  const read = async () => {
    try {
      const { keys, sentence } = await bridge.call('readKnownHosts', { host, port })
      const [hostKey] = keys
      if (hostKey !== undefined) onChange({ hostKey })
      setSaid({ of, sentence })
    } catch (error) {
      setSaid({ of, sentence: sentenceOfThrown(error) })
    }
  }
  return (
    <div>
      <Button variant="subtle" size="compact-sm" disabled={!isReady} onClick={() => void read()}>
        {t('window.destinations.knownHosts')}
      </Button>
      {said?.of === of && (
        <p className="setting-hint dimmed breakable" role="status">
          {say(said.sentence)}
        </p>
      )}
    </div>
  )
}

/** Fields for a computer with an SSH server: address, login and directory. */
export function SftpFields(props: FieldsProps) {
  const { t } = useWords()
  const { draft, stored, isKnown, onChange } = props
  const changeAddress = (changes: Partial<Draft>) => onChange(isKnown ? changes : { ...changes, hostKey: '' })
  // A private key in a file stays there and is not stored as a secret.
  const hasPassphrase = stored.includes('passphrase') || (draft.secrets.passphrase ?? '') !== ''
  const keepsSecret = draft.login === 'file' ? hasPassphrase : draft.login !== 'agent'
  return (
    <>
      {/* A new server presents its own host key; a known destination keeps its key when its address changes. */}
      <AddressFields
        {...props}
        placeholder="nas.example.org"
        onChange={changeAddress}
        onHost={(text) => {
          const split = splitAddress(text)
          if (split === null) return false
          const { path: directory, ...address } = split
          // The directory of a known destination cannot be changed.
          changeAddress(isKnown || directory === undefined ? address : split)
          return true
        }}
      />
      <KnownHosts {...props} />
      <TextField {...props} field="user" maxLength={100} />
      <NativeSelect
        label={t('window.destinations.field.login')}
        value={draft.login}
        onChange={(event) => {
          const chosen = logins.find(([login]) => login === event.currentTarget.value)
          if (chosen !== undefined) onChange({ login: chosen[0] })
        }}
        data={logins.map(([value, word]) => ({ value, label: t(word) }))}
      />
      {draft.login === 'password' && <SecretField {...props} field="password" />}
      {draft.login === 'key' && <SecretField {...props} field="key" />}
      {draft.login === 'file' && (
        <div className="with-button">
          <TextField {...props} field="keyFile" placeholder="/etc/holdfast/id_ed25519" />
          <PathButton what="file" onChoose={(keyFile) => onChange({ keyFile })} />
        </div>
      )}
      {(draft.login === 'key' || draft.login === 'file') && (
        <SecretField {...props} field="passphrase" isOptional />
      )}
      {keepsSecret && <StorageNote storage={props.secretStorage} />}
      <TextField
        {...props}
        field="path"
        label={t('window.destinations.field.directory')}
        description={t('window.destinations.hint.directory')}
        disabled={isKnown}
      />
      <FolderField {...props} />
    </>
  )
}

/**
 * Splits an SFTP address that was typed or pasted into the host field; null if it is a host alone, or not an SFTP
 * address.
 */
export function splitAddress(text: string): Partial<Draft> | null {
  const target = readSftpTarget(text)
  if (target === null || (target.host === text.trim() && !/[[\]]/.test(text))) return null
  const { host, user, port, path } = target
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: String(port) }),
    ...(path === undefined ? {} : { path }),
  }
}

const withSplitAddress = (draft: Draft): Draft => ({ ...draft, ...splitAddress(draft.host) })

export const sftpForm: OwnForm = {
  Fields: SftpFields,
  split: withSplitAddress,
  readSecrets(draft, stored, refuse) {
    const secrets = readSecrets(getDestinationSecrets('sftp', draft.login), draft, stored, refuse)
    if (secrets.key !== undefined && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(secrets.key))
      refuse('key', 'invalid')
    // The stored passphrase belongs to the former key.
    if (secrets.key !== undefined && stored.includes('passphrase')) secrets.passphrase ??= ''
    return secrets
  },
}
