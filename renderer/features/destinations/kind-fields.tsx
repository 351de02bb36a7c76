import { Switch, Text } from '@mantine/core'
import { Fragment } from 'react'
import type { DestinationField } from '../../../core/backends/fields.ts'
import { type DestinationKind, getKind } from '../../../core/backends/kinds.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { firstWord } from '../../words/first-word.ts'
import { StorageNote } from '../channels/storage-note.tsx'
import type { Draft, Secret } from './draft.ts'
import {
  AddressFields,
  type FieldsProps,
  FolderField,
  SecretField,
  TextField,
  type TextFieldName,
} from './fields.tsx'
import { PathButton } from './path-button.tsx'

/** Shows the fields of a kind, one below the other. */
export function KindFields({ kind, ...props }: FieldsProps & { kind: DestinationKind }) {
  const { t } = useWords()
  const { fields, explanation } = getKind(kind)
  const shown = fields.filter(({ name, isPresented }) => isPresented !== true && name !== 'port')
  const lastSecret = fields.findLast(({ type }) => type === 'secret')
  // A certificate belongs to the address: another server has to present its own.
  const forgotten = Object.fromEntries(
    fields.flatMap(({ name, role, isPresented }) => (isPresented && role === 'login' ? [[name, '']] : [])),
  )
  return (
    <>
      {explanation !== undefined && <Text size="sm">{t(explanation as WordKey)}</Text>}
      {shown.map((field, index) => (
        <Fragment key={field.name}>
          <KindField
            {...props}
            of={field}
            {...(index === 0 && { 'data-autofocus': true })}
            onChange={(changes) =>
              props.onChange(field.role === 'server' ? { ...changes, ...forgotten } : changes)
            }
          />
          {field === lastSecret && <StorageNote storage={props.secretStorage} />}
        </Fragment>
      ))}
    </>
  )
}

/** Shows a field by its type. A host has its port beside it. */
function KindField({ of: field, ...props }: FieldsProps & { of: DestinationField; 'data-autofocus'?: true }) {
  const { t } = useWords()
  const { name, role, type, hint, placeholder = '' } = field
  const description = hint === undefined ? '' : firstWord(t, `window.destinations.hint.${hint}`)
  if (type === 'own-folder') return <FolderField {...props} />
  if (name === 'host') return <AddressFields {...props} placeholder={placeholder} />
  if (type === 'secret')
    return <SecretField {...props} field={name as Secret} isOptional={!field.isRequired} hint={description} />
  if (type === 'switch')
    return (
      <Switch
        label={firstWord(t, `window.destinations.field.${name}`)}
        description={description}
        checked={props.draft[name as keyof Draft] === true}
        onChange={(event) => props.onChange({ [name]: event.currentTarget.checked })}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
    )
  const text = (
    <TextField
      {...props}
      field={name as TextFieldName}
      placeholder={placeholder}
      description={description}
      disabled={role === 'place' && props.isKnown}
      {...(type === 'text' && { maxLength: field.longest })}
      {...(type === 'url' && { inputMode: 'url' as const })}
    />
  )
  if (type !== 'directory' && type !== 'file') return text
  return (
    <div className="with-button">
      {text}
      <PathButton what={type} onChoose={(path) => props.onChange({ [name]: path })} />
    </div>
  )
}
