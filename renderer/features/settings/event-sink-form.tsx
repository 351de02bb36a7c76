import { SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useId, useState } from 'react'
import { type Field, refuseValue } from '../../../core/alerts/channels/catalog.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { getSinkFields } from '../../../core/settings/event-sinks.ts'
import { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { firstWord } from '../../words/first-word.ts'

const kinds = ['webhook', 'mqtt'] as const
type Kind = (typeof kinds)[number]

const EXAMPLES: Record<string, string> = {
  url: 'https://example.org/events',
  broker: 'mqtts://broker.example.org:8883',
}

/** Adds a sink of events: a webhook or a topic of an MQTT broker. */
export function EventSinkForm({ onDone }: { onDone: () => void }) {
  const { t } = useWords()
  const { ask, tell } = useCommands()
  const kindLabel = useId()
  const [kind, setKind] = useState<Kind>('webhook')
  const [name, setName] = useState('')
  const [typed, setTyped] = useState<Record<string, string>>({})
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(name !== '' || Object.values(typed).some((value) => value !== ''), busy)

  const fields = getSinkFields(kind)
  const read = (field: string) => (typed[field] ?? '').trim()
  const problems = fields.map((field) => refuseValue(field, read(field.name)))
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (problems.some((why) => why !== null)) return
    setBusy(true)
    const pick = (isSecret: boolean) =>
      Object.fromEntries(
        fields
          .filter((field) => (field.kind === 'secret') === isSecret && read(field.name) !== '')
          .map((field) => [field.name, read(field.name)]),
      )
    const outcome = await ask('addEventSink', {
      sink: {
        id: `${kind}-${crypto.randomUUID().slice(0, 8)}`,
        name: name.trim() || t(`window.events.kind.${kind}`),
        kind,
        options: pick(false),
        enabled: true,
        command: [],
        types: null,
        sources: null,
        since: null,
      },
      secrets: pick(true),
    })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message('window.events.added'))
    onDone()
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <div>
          <div className="setting-label" id={kindLabel}>
            {t('window.events.kind')}
          </div>
          <SegmentedControl
            fullWidth
            aria-labelledby={kindLabel}
            value={kind}
            onChange={(next) => {
              setKind(next)
              setTried(false)
            }}
            data={kinds.map((value) => ({ value, label: t(`window.events.kind.${value}`) }))}
          />
        </div>
        <Text size="sm" c="dimmed">
          {t(`window.events.hint.${kind}`)}
        </Text>
        <TextInput
          label={t('window.events.name')}
          value={name}
          maxLength={100}
          data-autofocus
          onChange={(event) => {
            setName(event.currentTarget.value)
            setRefusal(null)
          }}
        />
        {fields.map((field, index) => (
          <TextInput
            key={`${kind} ${field.name}`}
            type={field.kind === 'secret' && field.name !== 'url' ? 'password' : 'text'}
            autoComplete="new-password"
            label={firstWord(t, `window.events.field.${field.name}`)}
            withAsterisk={field.required}
            placeholder={field.default ?? EXAMPLES[field.name] ?? ''}
            value={typed[field.name] ?? ''}
            maxLength={2000}
            spellCheck={false}
            onChange={(event) => {
              setTyped({ ...typed, [field.name]: event.currentTarget.value })
              setRefusal(null)
            }}
            error={tried && problems[index] != null && describeProblem(t, field, problems[index])}
          />
        ))}
        <FormFoot refusal={refusal} busy={busy} action={t('window.add.action')} onCancel={onDone} />
      </Stack>
    </form>
  )
}

function describeProblem(t: Words['t'], { kind }: Field, why: 'missing' | 'invalid'): string {
  if (why === 'missing') return t('window.channel.missing')
  return t(kind === 'broker' ? 'window.channel.invalid.broker' : 'window.channel.invalid.url')
}
