import { Textarea, TextInput, type TextInputProps } from '@mantine/core'
import type { ComponentType } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { firstWord } from '../../words/first-word.ts'
import type { Draft, Field, Problems, Refuse, Secret } from './draft.ts'

export interface FieldsProps {
  draft: Draft
  problems: Problems
  /** Names of the stored secrets. */
  stored: readonly string[]
  /** The destination is being changed, not added: its location is fixed. */
  isKnown: boolean
  secretStorage: AppState['secretStorage']
  onChange: (changes: Partial<Draft>) => void
}

/** The form of a kind whose layout its fields alone do not give. */
export interface OwnForm {
  Fields: ComponentType<FieldsProps>
  /** Returns the values that the settings do not have. */
  toDraft?(stored: readonly string[]): Partial<Draft>
  /** Splits what was typed into a single field. */
  split?(draft: Draft): Draft
  /** See `readSecrets`. Omitted: the secrets of the kind. */
  readSecrets?(draft: Draft, stored: readonly string[], refuse: Refuse): Record<string, string>
}

/** Returns a function that describes a field's problem; null if it has none. */
export function useProblemWord(): (field: Field, problems: Problems) => string | null {
  const { t } = useWords()
  return (field, problems) => {
    const why = problems[field]
    if (why === undefined) return null
    return why === 'missing'
      ? t('window.channel.missing')
      : firstWord(t, `window.destinations.invalid.${field}`)
  }
}

export type TextFieldName = { [F in keyof Draft]: Draft[F] extends string ? F : never }[keyof Draft]

interface TextFieldProps extends FieldsProps, Omit<TextInputProps, keyof FieldsProps> {
  field: TextFieldName
}

/** Shows a text field of the form, labelled with the field's word. */
export function TextField({
  field,
  draft,
  problems,
  stored: _stored,
  isKnown: _isKnown,
  secretStorage: _secretStorage,
  onChange,
  ...rest
}: TextFieldProps) {
  const { t } = useWords()
  const problemWord = useProblemWord()
  return (
    <TextInput
      label={firstWord(t, `window.destinations.field.${field}`)}
      value={draft[field]}
      maxLength={2000}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => onChange({ [field]: event.currentTarget.value })}
      error={problemWord(field, problems)}
      {...rest}
    />
  )
}

/** Shows the field of this computer's folder at the destination, which never changes. */
export function FolderField(props: FieldsProps) {
  const { t } = useWords()
  return (
    <TextField
      {...props}
      field="folder"
      maxLength={200}
      placeholder={t('window.destinations.thisComputersName')}
      description={t('window.destinations.hint.folder')}
      disabled={props.isKnown}
    />
  )
}

interface SecretFieldProps extends FieldsProps {
  field: Secret
  isOptional?: boolean
  /** Shown while none is stored. */
  hint?: string
}

/** Write-only: a stored secret can be replaced, and is never shown. */
export function SecretField({
  field,
  isOptional = false,
  hint,
  draft,
  problems,
  stored,
  onChange,
}: SecretFieldProps) {
  const { t } = useWords()
  const problemWord = useProblemWord()
  const isKept = stored.includes(field)
  const usual = {
    label: firstWord(t, `window.destinations.field.${field}`),
    placeholder: isKept ? '••••••••' : isOptional ? t('window.destinations.optional') : '',
    description: isKept ? t('window.channel.storedHint') : hint,
    value: draft.secrets[field] ?? '',
    maxLength: 10_000,
    spellCheck: false,
    error: problemWord(field, problems),
  }
  const set = (value: string) => onChange({ secrets: { ...draft.secrets, [field]: value } })
  if (field === 'key') {
    return (
      <Textarea
        {...usual}
        placeholder={isKept ? usual.placeholder : '-----BEGIN OPENSSH PRIVATE KEY-----'}
        className="secret-text"
        autoComplete="off"
        minRows={3}
        maxRows={6}
        autosize
        onChange={(event) => set(event.currentTarget.value)}
      />
    )
  }
  return (
    <TextInput
      {...usual}
      type={field === 'accessKey' ? 'text' : 'password'}
      autoComplete="new-password"
      onChange={(event) => set(event.currentTarget.value)}
    />
  )
}

/** Shows the fields for a server's host and port. */
export function AddressFields({
  placeholder,
  onHost,
  ...props
}: FieldsProps & {
  placeholder: string
  /** Called when typing or pasting a host is finished. Returns true if it has used the text. */
  onHost?: (text: string) => boolean
}) {
  return (
    <div className="host-port">
      <TextField
        {...props}
        field="host"
        placeholder={placeholder}
        data-autofocus
        onBlur={(event) => onHost?.(event.currentTarget.value)}
        onPaste={(event) => {
          // Text pasted into a filled field may be a part of the host.
          const isEmpty = event.currentTarget.value === ''
          if (isEmpty && onHost?.(event.clipboardData.getData('text')) === true) event.preventDefault()
        }}
      />
      <TextField {...props} field="port" inputMode="numeric" maxLength={5} />
    </div>
  )
}
