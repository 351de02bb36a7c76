import { Stack, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'
import { emptyProposal, type ProposeDraft, readProposal } from './propose-draft.ts'

type Sender = NonNullable<AppState['receiving']>['senders'][number]

interface ProposeDialogProps {
  /** The name of the computer or of the group. */
  name: string
  senders: readonly Sender[]
  opened: boolean
  onClose: () => void
}

/** Proposes settings to a computer or a group; each decides itself. */
export default function ProposeDialog({ name, senders, opened, onClose }: ProposeDialogProps) {
  const { t } = useWords()
  return (
    <FormDialog opened={opened} title={t('window.propose.title', { name })} onClose={onClose}>
      <ProposeForm senders={senders} onDone={onClose} />
    </FormDialog>
  )
}

function ProposeForm({ senders, onDone }: { senders: readonly Sender[]; onDone: () => void }) {
  const { t } = useWords()
  const { ask, tell } = useCommands()
  const [draft, setDraft] = useState<ProposeDraft>(emptyProposal)
  const [tried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(draft) !== JSON.stringify(emptyProposal), busy)
  const { text, problems } = readProposal(draft)
  const unable = senders.filter(({ takesProposals }) => takesProposals === false)

  const propose = async (event: FormEvent) => {
    event.preventDefault()
    if (busy) return
    if (text === null) {
      setTried(true)
      if (Object.keys(problems).length === 0) setRefusal(message('window.propose.nothing'))
      return
    }
    setBusy(true)
    const fingerprints = senders.map(({ fingerprint }) => fingerprint)
    const outcome = await ask('proposeSettings', { fingerprints, text })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message('window.propose.done', { count: senders.length }))
    onDone()
  }

  const field = (name: keyof ProposeDraft) => {
    const problem = tried ? problems[name] : undefined
    return {
      value: draft[name],
      error: problem === undefined ? null : t(problem),
      onChange: (typed: string) => {
        setDraft((now) => ({ ...now, [name]: typed }))
        setRefusal(null)
      },
    }
  }
  const { onChange: setSource, ...source } = field('source')
  const { onChange: setPatterns, ...patterns } = field('patterns')
  return (
    <form onSubmit={propose} noValidate>
      <Stack gap="sm">
        <p className="dimmed">{t('window.propose.hint')}</p>
        {unable.length > 0 && (
          <p className="card-problem warn breakable">
            {t('window.propose.unable', {
              names: unable.map(({ name }) => name).join(t('window.list.separator')),
            })}
          </p>
        )}
        <NumberField
          label={t('setting.check.intervalSeconds')}
          unit={t('window.filters.seconds')}
          {...field('interval')}
          data-autofocus
        />
        <NumberField
          label={t('setting.scan.reconcileSeconds')}
          unit={t('window.filters.seconds')}
          {...field('reconcile')}
        />
        <NumberField
          label={t('setting.send.bytesPerSecond')}
          description={t('window.propose.rateHint')}
          unit={t('window.limit.unit')}
          {...field('rate')}
        />
        <TextInput
          label={t('window.propose.source')}
          maxLength={200}
          {...source}
          onChange={(event) => setSource(event.currentTarget.value)}
        />
        <Textarea
          label={t('window.filters.patterns')}
          description={t('window.propose.patternsHint')}
          placeholder={'*.log\ncache/'}
          rows={3}
          spellCheck={false}
          classNames={{ input: 'patterns' }}
          {...patterns}
          onChange={(event) => setPatterns(event.currentTarget.value)}
        />
        <FormFoot refusal={refusal} busy={busy} action={t('window.propose.action')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
