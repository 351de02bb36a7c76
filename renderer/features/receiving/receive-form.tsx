import { Stack, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import { ignoreError } from '../../../core/dropped-errors.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { PathButton } from '../destinations/path-button.tsx'
import { advanced, newReceiving, type Receive, readReceiving, toDraft } from './draft.ts'

interface ReceiveFormProps {
  /** Initial values of the form; null if nothing was set yet. */
  before: Receive | null
  /** Receiving is enabled: the folder cannot be changed. */
  isOn: boolean
  onDone: () => void
  /** Receiving was enabled. The receiver may not run yet. */
  onStarted: () => void
}

/** Asks for the folder, the port and the quota before other computers may send. */
export function ReceiveForm({ before, isOn, onDone, onStarted }: ReceiveFormProps) {
  const { t } = useWords()
  const bridge = useBridge()
  const { ask, tell } = useCommands()
  const [first, setFirst] = useState(() => (before === null ? newReceiving() : toDraft(before)))
  const [draft, setDraft] = useState(first)
  const [isNew] = useState(before === null)
  useEffect(() => {
    if (!isNew) return
    const suggest = (directory: string) => (now: typeof draft) =>
      now.directory === '' ? { ...now, directory } : now
    bridge.call('receiveDirectory', {}).then(({ path }) => {
      setFirst(suggest(path))
      setDraft(suggest(path))
    }, ignoreError('the person types the folder'))
  }, [bridge, isNew])
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(draft) !== JSON.stringify(first), busy)
  const { receive, problems } = readReceiving(draft)
  const getError = (field: keyof typeof problems) => {
    const problem = tried ? problems[field] : undefined
    return problem === undefined ? null : t(problem)
  }
  const change = (changes: Partial<typeof draft>) => {
    setDraft((now) => ({ ...now, ...changes }))
    setRefusal(null)
  }

  const start = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (receive === null || busy) return
    setBusy(true)
    const outcome = await ask('setReceiving', { receive })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    if (!isOn) return onStarted()
    tell('done', message('window.receiving.changed'))
    onDone()
  }

  return (
    <form onSubmit={start} noValidate>
      <Stack gap="sm">
        <div className="with-button">
          <TextInput
            label={t('window.receiving.directory')}
            placeholder="/srv/holdfast"
            value={draft.directory}
            maxLength={4096}
            spellCheck={false}
            disabled={isOn}
            data-autofocus={!isOn || undefined}
            onChange={(event) => change({ directory: event.currentTarget.value })}
            error={getError('directory')}
          />
          {!isOn && <PathButton what="directory" onChoose={(directory) => change({ directory })} />}
        </div>
        <TextInput
          label={t('window.receiving.port')}
          description={t('window.receiving.portHint')}
          inputMode="numeric"
          value={draft.port}
          maxLength={5}
          onChange={(event) => change({ port: event.currentTarget.value })}
          error={getError('port')}
        />
        <TextInput
          label={t('window.receiving.quota')}
          description={t('window.receiving.quotaHint')}
          inputMode="decimal"
          value={draft.quota}
          maxLength={12}
          onChange={(event) => change({ quota: event.currentTarget.value })}
          error={getError('quota')}
        />
        <details className="folded" open={advanced.some((field) => getError(field) !== null) || undefined}>
          <summary>{t('settings.advanced')}</summary>
          <Stack gap="sm">
            {advanced.map((field) => (
              <NumberField
                key={field}
                {...getTexts(field, t)}
                inputMode="text"
                value={draft[field]}
                maxLength={255}
                spellCheck={false}
                onChange={(typed) => change({ [field]: typed })}
                error={getError(field)}
              />
            ))}
          </Stack>
        </details>
        <FormFoot
          refusal={refusal}
          busy={busy}
          action={t(isOn ? 'window.destinations.save' : 'window.receiving.on')}
          onCancel={onDone}
        />
      </Stack>
    </form>
  )
}

/** Returns the label, the hint and the unit of an advanced field. */
function getTexts(field: (typeof advanced)[number], t: Words['t']) {
  const label = t(`window.receiving.${field}`)
  switch (field) {
    case 'silentHours':
      return { label, unit: t('window.filters.hours'), placeholder: t('window.silence.never') }
    case 'failingMinutes':
      return { label, unit: t('window.filters.minutes'), placeholder: '0' }
    case 'lockDays':
      return { label, description: t('window.receiving.lockDaysHint'), unit: t('window.filters.days') }
    case 'keepFree':
      return { label, description: t('window.receiving.keepFreeHint') }
    case 'quotaFiles':
      return { label, description: t('window.receiving.quotaHint') }
    case 'host':
      return { label, description: t('window.receiving.hostHint') }
    case 'isocketPort':
      return { label, description: t('window.receiving.isocketPortHint') }
    default:
      return { label }
  }
}
