import { Stack } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'
import { type LimitsDraft, type Receive, readLimits, toLimitsDraft } from './draft.ts'

interface LimitsFormProps {
  /** The sender's folder in the store. */
  folder: string
  receive: Receive
  onDone: () => void
}

/** Asks for the limits of one sender that differ from those of every sender. */
export function LimitsForm({ folder, receive, onDone }: LimitsFormProps) {
  const { t } = useWords()
  const { ask, tell } = useCommands()
  const [first] = useState(() => toLimitsDraft(receive, folder))
  const [draft, setDraft] = useState(first)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(draft) !== JSON.stringify(first), busy)
  const { receive: changed, problems } = readLimits(draft, receive, folder)

  const save = async (event: FormEvent) => {
    event.preventDefault()
    if (changed === null || busy) return
    setBusy(true)
    const outcome = await ask('setReceiving', { receive: changed })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message('window.receiving.changed'))
    onDone()
  }

  const field = (name: keyof LimitsDraft) => ({
    label: t(`window.receiving.limit.${name}`),
    value: draft[name],
    maxLength: 16,
    onChange: (typed: string) => {
      setDraft((now) => ({ ...now, [name]: typed }))
      setRefusal(null)
    },
    error: problems[name] === undefined ? null : t(problems[name]),
  })
  return (
    <form onSubmit={save} noValidate>
      <Stack gap="sm">
        <p className="dimmed">{t('window.receiving.limitsHint')}</p>
        <NumberField {...field('quota')} unit={t('window.filters.gib')} data-autofocus />
        <NumberField {...field('quotaFiles')} />
        <NumberField {...field('silentHours')} unit={t('window.filters.hours')} />
        <FormFoot refusal={refusal} busy={busy} action={t('window.destinations.save')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
