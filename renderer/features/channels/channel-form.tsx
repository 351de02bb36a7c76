import { Button, Group, SegmentedControl, Stack, Switch, TextInput } from '@mantine/core'
import { type FormEvent, useId, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import {
  type CatalogEntry,
  type ChannelType,
  catalog,
  getFields,
} from '../../../core/alerts/channels/catalog.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { firstInvalid, focusAfter } from '../../ui/focus.ts'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import {
  type Channel,
  type ChannelDraft,
  newChannelId,
  newDraft,
  type Problems,
  readDraft,
  toDraft,
} from './channel-draft.ts'
import { needsWord, typeWord } from './channel-words.ts'
import { FieldInput } from './field-input.tsx'
import { SourcesChoice } from './sources-choice.tsx'
import { StorageNote } from './storage-note.tsx'
import { TemplatePart } from './template-part.tsx'

interface ChannelFormProps {
  type: ChannelType
  /** null for a new channel. */
  channel: Channel | null
  /** Names of the channel's stored secrets. */
  stored: readonly string[]
  state: AppState
  /** Returns to the choice of the type; null if there is none. */
  onBack: (() => void) | null
  onDone: () => void
}

/** Form for a channel: the fields of its type, the incidents that it reports, and its message template. */
export function ChannelForm(props: ChannelFormProps) {
  const { type, channel, stored, state, onBack, onDone } = props
  const { t, say } = useWords()
  const { draft, change, problems, isIncomplete, refusal, busy, save } = useChannelForm(props)
  return (
    <form onSubmit={save} noValidate>
      <Stack gap="sm">
        {channel === null && <p className="needs dimmed">{needsWord(t, type)}</p>}
        <ChannelFields
          type={type}
          stored={stored}
          state={state}
          draft={draft}
          problems={problems}
          onChange={change}
        />
        {refusal !== null && (
          <p className="card-problem breakable" role="alert">
            {say(refusal)}
          </p>
        )}
        {isIncomplete && (
          <p className="card-problem" role="alert">
            {t('window.channel.incomplete')}
          </p>
        )}
        <Group justify="flex-end" gap="xs">
          {onBack !== null && (
            <Button variant="subtle" color="gray" disabled={busy} onClick={onBack} mr="auto">
              {t('window.back')}
            </Button>
          )}
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy}>
            {t(channel === null ? 'window.channel.addAction' : 'window.channel.saveAction')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** Holds the form's state and saves it. Problems are shown after the first attempt to save. */
function useChannelForm({ type, channel, stored, state, onDone }: ChannelFormProps) {
  const { t } = useWords()
  const { ask, tell } = useCommands()
  const [about] = useState(() => ({
    id: channel?.id ?? newChannelId(type),
    enabled: channel?.enabled ?? true,
  }))
  const [before] = useState(() => (channel === null ? newDraft(type) : toDraft(channel)))
  const [draft, setDraft] = useState<ChannelDraft>(before)
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(draft) !== JSON.stringify(before), busy)
  const { given, problems } = readDraft(draft, {
    ...about,
    type,
    usualName: typeWord(t, type),
    stored,
    sources: state.settings.sources.map(({ id }) => id),
  })
  const change = (changes: Partial<ChannelDraft>) => {
    setDraft((now) => ({ ...now, ...changes }))
    setRefusal(null)
  }

  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (busy) return
    const form = event.currentTarget
    if (given === null) {
      focusAfter(
        () => setTried(true),
        () => firstInvalid(form),
      )
      return
    }
    setBusy(true)
    const outcome = await ask(channel === null ? 'addChannel' : 'changeChannel', given)
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message(channel === null ? 'window.channel.added' : 'window.channel.changed'))
    onDone()
  }

  const isIncomplete = tried && given === null
  return { draft, change, problems: tried ? problems : {}, isIncomplete, refusal, busy, save }
}

interface ChannelFieldsProps extends Pick<ChannelFormProps, 'type' | 'stored' | 'state'> {
  draft: ChannelDraft
  problems: Problems
  onChange: (changes: Partial<ChannelDraft>) => void
}

function ChannelFields({ type, stored, state, draft, problems, onChange }: ChannelFieldsProps) {
  const { t } = useWords()
  const { sources } = state.settings
  const fields = getFields(type)
  const entry: CatalogEntry = catalog[type]
  return (
    <>
      {entry.help !== '' && (
        <div>
          <p className="setting-label">{t('window.channel.help')}</p>
          <Copyable text={entry.help} label="window.channel.copyHelp" done="window.channel.copiedHelp" />
        </div>
      )}
      <TextInput
        label={t('window.channel.name')}
        placeholder={typeWord(t, type)}
        value={draft.name}
        maxLength={100}
        data-autofocus
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          type={type}
          field={field}
          draft={draft}
          isStored={stored.includes(field.name)}
          problem={problems[field.name]}
          onChange={onChange}
        />
      ))}
      {fields.some(({ kind }) => kind === 'secret') && <StorageNote storage={state.secretStorage} />}
      <SeverityChoice value={draft.severity} onChange={(severity) => onChange({ severity })} />
      {sources.length > 0 && (
        <SourcesChoice
          sources={sources}
          chosen={draft.sources}
          problem={problems.sources === undefined ? null : t('window.channel.noneChosen')}
          onChange={(chosen) => onChange({ sources: chosen })}
        />
      )}
      <Switch
        label={t('window.channel.standby')}
        description={t('window.channel.standbyHint')}
        checked={draft.standby}
        onChange={(event) => onChange({ standby: event.currentTarget.checked })}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      <TemplatePart
        type={type}
        usual={entry.template ?? '{title}\n{body}'}
        template={draft.template}
        problem={problems.template === undefined ? null : t('window.channel.missing')}
        onChange={(template) => onChange({ template })}
      />
    </>
  )
}

interface SeverityChoiceProps {
  value: ChannelDraft['severity']
  onChange: (severity: ChannelDraft['severity']) => void
}

function SeverityChoice({ value, onChange }: SeverityChoiceProps) {
  const { t } = useWords()
  const id = useId()
  return (
    <div>
      <div className="setting-label" id={id}>
        {t('window.channel.severity')}
      </div>
      <SegmentedControl
        fullWidth
        aria-labelledby={id}
        value={value}
        onChange={(chosen) => onChange(chosen === 'critical' ? 'critical' : 'warning')}
        data={[
          { value: 'warning', label: t('window.channel.everything') },
          { value: 'critical', label: t('window.channel.criticalOnly') },
        ]}
      />
    </div>
  )
}
