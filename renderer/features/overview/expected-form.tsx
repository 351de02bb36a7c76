import { NativeSelect, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import type { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'
import { AmountInput } from '../filters/amount-input.tsx'
import { byteUnits } from '../filters/draft.ts'
import {
  listZones,
  newRule,
  PERIODS,
  type Rule,
  type RuleDraft,
  readRule,
  toRuleDraft,
} from './expected-draft.ts'

interface ExpectedFormProps {
  /** The rule to change; null: a new one. */
  before: Rule | null
  save: (rule: Rule) => ReturnType<ReturnType<typeof useCommands>['ask']>
  onDone: () => void
}

/** Asks which files should come regularly. */
export function ExpectedForm({ before, save, onDone }: ExpectedFormProps) {
  const { t, format } = useWords()
  const [first] = useState(() => toRuleDraft(before ?? newRule))
  const [draft, setDraft] = useState(first)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(draft) !== JSON.stringify(first), busy)
  const { rule, problems } = readRule(draft)
  const change = (typed: Partial<RuleDraft>) => {
    setDraft((now) => ({ ...now, ...typed }))
    setRefusal(null)
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (rule === null || busy) return
    setBusy(true)
    const outcome = await save(rule)
    setBusy(false)
    if (outcome.done) onDone()
    else setRefusal(outcome.sentence)
  }
  const periods = [...new Set([...PERIODS, first.everyMinutes])].sort((a, b) => a - b)
  const problem = (key: keyof typeof problems) => problems[key] && t(problems[key])
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          label={t('window.expected.pattern')}
          description={t('window.expected.patternHint')}
          value={draft.pattern}
          maxLength={1_000}
          spellCheck={false}
          data-autofocus
          error={problem('pattern')}
          onChange={(event) => change({ pattern: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('window.expected.every')}
          value={String(draft.everyMinutes)}
          onChange={(event) => change({ everyMinutes: Number(event.currentTarget.value) })}
          data={periods.map((minutes) => ({
            value: String(minutes),
            label: format.duration(minutes * 60_000),
          }))}
        />
        <NumberField
          label={t('window.expected.within')}
          description={t('window.expected.withinHint')}
          unit={t('window.filters.minutes')}
          value={draft.within}
          error={problem('within')}
          onChange={(within) => change({ within })}
        />
        <AmountInput
          label="window.expected.least"
          placeholder="window.filters.noLimit"
          units={byteUnits}
          amount={draft.least}
          problem={problems.least}
          onChange={(least) => change({ least })}
        />
        <NativeSelect
          label={t('window.expected.zone')}
          value={draft.zone}
          onChange={(event) => change({ zone: event.currentTarget.value })}
          data={[
            { value: '', label: t('window.expected.local') },
            ...listZones(first.zone).map((zone) => ({ value: zone, label: zone })),
          ]}
        />
        <FormFoot refusal={refusal} busy={busy} action={t('window.destinations.save')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
