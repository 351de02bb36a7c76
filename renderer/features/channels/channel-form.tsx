import { Button, Group, SegmentedControl, Stack, Switch, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import {
  type CatalogEntry,
  type ChannelType,
  catalog,
  getFields,
} from '../../../core/alerts/channels/catalog.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { firstInvalid, focusAfter } from '../../ui/focus.ts'
import { useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { Confirmation } from '../destinations/test-result.tsx'
import {
  type Channel,
  type ChannelDraft,
  type NewChannel,
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
  const { draft, change, problems, isIncomplete, refusal, failure, isSaving, isTesting, submit, addAnyway } =
    useChannelForm(props)
  const said = refusal ?? failure
  const certificate = failure?.params.fingerprint
  return (
    <form onSubmit={submit} noValidate>
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
        {said !== null && (
          <p className="card-problem breakable" role="alert" ref={showEnd}>
            {say(said)}
          </p>
        )}
        {typeof certificate === 'string' && certificate !== '' && (
          <Confirmation
            isChanged={(draft.options.certificate ?? '') !== ''}
            words="certificate"
            before={draft.options.certificate ?? ''}
            found={certificate}
            onConfirm={() => change({ options: { ...draft.options, certificate } })}
          />
        )}
        {isIncomplete && (
          <p className="card-problem" role="alert">
            {t('window.channel.incomplete')}
          </p>
        )}
        <Group justify="flex-end" gap="xs">
          {onBack !== null && (
            <Button variant="subtle" color="gray" disabled={isSaving} onClick={onBack} mr="auto">
              {t('window.back')}
            </Button>
          )}
          <Button variant="default" disabled={isSaving} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          {failure !== null && (
            <Button variant="default" disabled={isSaving} onClick={addAnyway}>
              {t('window.channel.addAnyway')}
            </Button>
          )}
          <Button type="submit" loading={isSaving || isTesting}>
            {t(channel === null ? 'window.channel.addAction' : 'window.channel.saveAction')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** The reason would be outside the visible area of a long form. */
const showEnd = (reason: HTMLElement | null) => reason?.closest('form')?.scrollIntoView({ block: 'end' })

/** Holds the form's state, tests a new channel, and saves it. Problems are shown after the first attempt. */
function useChannelForm({ type, channel, stored, state, onDone }: ChannelFormProps) {
  const { t } = useWords()
  const bridge = useBridge()
  const { ask, tell } = useCommands()
  const [about] = useState(() => ({
    id: channel?.id ?? newChannelId(type),
    enabled: channel?.enabled ?? true,
  }))
  const [before] = useState(() => (channel === null ? newDraft(type) : toDraft(channel)))
  const [draft, setDraft] = useState<ChannelDraft>(before)
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  /** Why the test of this draft failed. */
  const [failure, setFailure] = useState<Message | null>(null)
  const [isSaving, setSaving] = useState(false)
  const [isTesting, setTesting] = useState(false)
  /** Changes with the draft, and when the form is closed: a test under way is then one of another draft. */
  const drafts = useRef(0)
  useEffect(() => {
    return () => {
      drafts.current += 1
    }
  }, [])
  useHold(JSON.stringify(draft) !== JSON.stringify(before), isSaving)
  const { given, problems } = readDraft(draft, {
    ...about,
    type,
    usualName: typeWord(t, type),
    stored,
    sources: state.settings.sources.map(({ id }) => id),
  })
  const change = (changes: Partial<ChannelDraft>) => {
    drafts.current += 1
    setDraft((now) => ({ ...now, ...changes }))
    setTesting(false)
    setRefusal(null)
    setFailure(null)
  }

  const save = async (wanted: NewChannel) => {
    setSaving(true)
    const outcome = await ask(channel === null ? 'addChannel' : 'changeChannel', wanted)
    setSaving(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message(channel === null ? 'window.channel.added' : 'window.channel.changed'))
    onDone()
  }
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (isSaving || isTesting) return
    const form = event.currentTarget
    if (given === null) {
      focusAfter(
        () => setTried(true),
        () => firstInvalid(form),
      )
      return
    }
    if (channel !== null) return save(given)
    const tested = drafts.current
    setTesting(true)
    setRefusal(null)
    setFailure(null)
    const { delivered, sentence } = await bridge
      .call('tryChannel', given)
      .catch((error) => ({ delivered: false, sentence: sentenceOfThrown(error) }))
    if (drafts.current !== tested) return
    setTesting(false)
    if (delivered) return save(given)
    setFailure(sentence)
  }

  const isIncomplete = tried && given === null
  const addAnyway = () => void (given !== null && save(given))
  return {
    draft,
    change,
    problems: tried ? problems : {},
    isIncomplete,
    refusal,
    failure,
    isSaving,
    isTesting,
    submit,
    addAnyway,
  }
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
