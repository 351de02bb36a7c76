import { SegmentedControl, Switch } from '@mantine/core'
import { useId, useState } from 'react'
import { getDestinationSecrets } from '../../../core/backends/kinds.ts'
import { splitBucket } from '../../../core/backends/s3/kind.ts'
import { useWords } from '../../words/context.tsx'
import { StorageNote } from '../channels/storage-note.tsx'
import { type Draft, readSecrets } from './draft.ts'
import type { OwnForm } from './fields.tsx'
import { type FieldsProps, FolderField, SecretField, TextField } from './fields.tsx'

/** Fields for a bucket: address, credentials, and options that only some stores need. */
function S3Fields(props: FieldsProps) {
  const { isKnown, onChange } = props
  return (
    <>
      {/* The certificate belongs to the endpoint: another endpoint has to present its own. */}
      <TextField
        {...props}
        field="endpoint"
        inputMode="url"
        placeholder="https://s3.example.org"
        data-autofocus
        onChange={(changes) => onChange({ ...changes, certificate: '' })}
      />
      <TextField
        {...props}
        field="bucket"
        onBlur={() => {
          const split = splitTyped(props.draft)
          if (split !== null && !props.isKnown) props.onChange(split)
        }}
        maxLength={255}
        disabled={isKnown}
      />
      <Credentials {...props} />
      <FolderField {...props} />
      <Advanced {...props} />
    </>
  )
}

function Credentials(props: FieldsProps) {
  const { t } = useWords()
  const { draft, onChange } = props
  const id = useId()
  return (
    <>
      <div>
        <div className="setting-label" id={id}>
          {t('window.destinations.field.credentials')}
        </div>
        <SegmentedControl
          fullWidth
          aria-labelledby={id}
          value={draft.credentials}
          onChange={(chosen) => onChange({ credentials: chosen === 'aws' ? 'aws' : 'own' })}
          data={[
            { value: 'own', label: t('window.destinations.credentials.own') },
            { value: 'aws', label: t('window.destinations.credentials.aws') },
          ]}
        />
      </div>
      {draft.credentials === 'own' ? (
        <>
          <SecretField {...props} field="accessKey" />
          <SecretField {...props} field="secretKey" />
          <StorageNote storage={props.secretStorage} />
        </>
      ) : (
        <p className="setting-hint dimmed">{t('window.destinations.credentials.awsHint')}</p>
      )}
    </>
  )
}

/** Fields that most stores do not need; expanded if one of them is invalid. */
function Advanced(props: FieldsProps) {
  const { t } = useWords()
  const { draft, problems, isKnown, onChange } = props
  const [opened, setOpened] = useState(false)
  return (
    <details
      className="advanced"
      open={opened || problems.region !== undefined || problems.lockDays !== undefined}
      onToggle={(event) => setOpened(event.currentTarget.open)}
    >
      <summary>{t('window.destinations.advanced')}</summary>
      <div className="advanced-fields">
        <TextField
          {...props}
          field="region"
          maxLength={100}
          description={t('window.destinations.hint.region')}
        />
        <TextField
          {...props}
          field="prefix"
          maxLength={500}
          description={t('window.destinations.hint.prefix')}
          disabled={isKnown}
        />
        <TextField
          {...props}
          field="storageClass"
          maxLength={100}
          description={t('window.destinations.hint.storageClass')}
        />
        <TextField
          {...props}
          field="lockDays"
          inputMode="numeric"
          maxLength={5}
          description={t('window.destinations.hint.lockDays')}
        />
        <Switch
          label={t('window.destinations.field.pathStyle')}
          description={t('window.destinations.hint.pathStyle')}
          checked={draft.pathStyle}
          onChange={(event) => onChange({ pathStyle: event.currentTarget.checked })}
          labelPosition="left"
          classNames={{ body: 'switch-body' }}
        />
      </div>
    </details>
  )
}

/** Splits a bucket and a prefix that were typed into the bucket field; null if it is a bucket alone. */
export function splitTyped({ bucket, prefix }: Draft): Pick<Draft, 'bucket' | 'prefix'> | null {
  const split = splitBucket(bucket)
  if (split.bucket === bucket.trim()) return null
  return { ...split, prefix: [split.prefix, prefix.trim()].filter((part) => part !== '').join('/') }
}

export const s3Form: OwnForm = {
  Fields: S3Fields,
  toDraft: (stored) => ({ credentials: stored.includes('accessKey') ? 'own' : 'aws' }),
  readSecrets(draft, stored, refuse) {
    // Without keys the agent uses the credentials of AWS's own tools.
    if (draft.credentials === 'aws') return Object.fromEntries(stored.map((name) => [name, '']))
    const asked = getDestinationSecrets('s3').map(({ name }) => ({ name, isRequired: true }))
    const typed = Object.entries(readSecrets(asked, draft, stored, refuse))
    return Object.fromEntries(typed.map(([name, secret]) => [name, secret.trim()]))
  },
}
