import { Button, NativeSelect, TextInput } from '@mantine/core'
import type { ChannelType, Field } from '../../../core/alerts/channels/catalog.ts'
import { useWords } from '../../words/context.tsx'
import type { ChannelDraft } from './channel-draft.ts'
import { choiceWord, fieldWord, problemWord } from './channel-words.ts'

interface FieldInputProps {
  type: ChannelType
  field: Field
  draft: ChannelDraft
  /** The field is a secret that is already stored. */
  isStored: boolean
  problem: 'missing' | 'invalid' | undefined
  onChange: (changes: Partial<ChannelDraft>) => void
}

/** Shows a field of a channel's form, by its kind. */
export function FieldInput(props: FieldInputProps) {
  const { type, field, draft, problem, onChange } = props
  const { t } = useWords()
  const { name, kind, required } = field
  const label = fieldWord(t, type, field)
  const set = (value: string) => onChange({ options: { ...draft.options, [name]: value } })
  if (kind === 'secret') return <SecretInput {...props} />
  if (kind === 'choice') return <ChoiceInput {...props} onSet={set} />
  return (
    <TextInput
      label={label}
      withAsterisk={required}
      placeholder={field.default ?? ''}
      value={draft.options[name] ?? ''}
      maxLength={2000}
      spellCheck={false}
      inputMode={kind === 'port' || kind === 'minutes' ? 'numeric' : kind === 'url' ? 'url' : 'text'}
      onChange={(event) => set(event.currentTarget.value)}
      error={problemWord(t, kind, problem)}
    />
  )
}

function ChoiceInput({ type, field, draft, onSet }: FieldInputProps & { onSet: (value: string) => void }) {
  const { t } = useWords()
  return (
    <NativeSelect
      label={fieldWord(t, type, field)}
      value={draft.options[field.name] ?? field.default ?? ''}
      onChange={(event) => onSet(event.currentTarget.value)}
      data={(field.choices ?? []).map((value) => ({ value, label: choiceWord(t, value) }))}
    />
  )
}

/** Write-only: a stored secret can be replaced or deleted, and is never shown. */
function SecretInput({ type, field, draft, isStored, problem, onChange }: FieldInputProps) {
  const { t } = useWords()
  const { name, required } = field
  const typed = draft.secrets[name] ?? ''
  const isCleared = draft.cleared.includes(name)
  const isKept = isStored && !isCleared
  const clear = () =>
    onChange({
      secrets: { ...draft.secrets, [name]: '' },
      cleared: isCleared ? draft.cleared.filter((one) => one !== name) : [...draft.cleared, name],
    })
  return (
    <div className="secret">
      <TextInput
        type="password"
        autoComplete="new-password"
        label={fieldWord(t, type, field)}
        withAsterisk={required}
        placeholder={isKept ? t('window.channel.stored') : isStored ? t('window.channel.cleared') : ''}
        description={isKept ? t('window.channel.storedHint') : undefined}
        value={typed}
        maxLength={10_000}
        spellCheck={false}
        onChange={(event) => onChange({ secrets: { ...draft.secrets, [name]: event.currentTarget.value } })}
        error={problemWord(t, field.kind, problem)}
      />
      {isStored && !required && (
        <Button size="compact-xs" variant="subtle" onClick={clear}>
          {t(isCleared ? 'window.channel.keepSecret' : 'window.channel.clearSecret')}
        </Button>
      )}
    </div>
  )
}
