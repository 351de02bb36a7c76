import { NativeSelect, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useRef, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import type { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
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
import { Example, RulePreview } from './expected-example.tsx'

interface ExpectedFormProps {
  /** The id of the folder. */
  id: string
  /** The rule to change; null: a new one. */
  before: Rule | null
  save: (rule: Rule) => ReturnType<ReturnType<typeof useCommands>['ask']>
  onDone: () => void
}

/** Asks which files should come regularly. */
export function ExpectedForm({ id, before, save, onDone }: ExpectedFormProps) {
  const { t, format } = useWords()
  const bridge = useBridge()
  const [first] = useState(() => toRuleDraft(before ?? newRule))
  const [draft, setDraft] = useState(first)
  const [example, setExample] = useState<string | null>(null)
  /** The files do not show the period that was proposed. */
  const [isGuess, setIsGuess] = useState(false)
  const asked = useRef<string | null>(null)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(draft) !== JSON.stringify(first), busy)
  const { rule, problems } = readRule(draft)
  const change = (typed: Partial<RuleDraft>) => {
    setDraft((now) => ({ ...now, ...typed }))
    setRefusal(null)
  }
  const readExample = async (path: string | null) => {
    setExample(path)
    asked.current = path
    if (path === null) return
    try {
      const proposed = await bridge.call('previewExpected', { id, pattern: path })
      if (asked.current !== path) return
      change(toRuleDraft(proposed.rule))
      setIsGuess(proposed.isGuess)
    } catch (error) {
      if (asked.current === path) setRefusal(sentenceOfThrown(error))
    }
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
  const periods = [...new Set([...PERIODS, first.everyMinutes, draft.everyMinutes])].sort((a, b) => a - b)
  const problem = (key: keyof typeof problems) => problems[key] && t(problems[key])
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {before === null && <Example id={id} chosen={example} onChoose={(path) => void readExample(path)} />}
        <TextInput
          label={t('window.expected.pattern')}
          description={t('window.expected.patternHint')}
          value={draft.pattern}
          maxLength={1_000}
          spellCheck={false}
          data-autofocus
          error={problem('pattern')}
          onChange={(event) => {
            change({ pattern: event.currentTarget.value })
            setIsGuess(false)
          }}
        />
        {rule !== null && (before !== null || draft !== first) && (
          <RulePreview id={id} rule={rule} isGuess={isGuess} />
        )}
        <NativeSelect
          label={t('window.expected.every')}
          value={String(draft.everyMinutes)}
          error={isGuess && t('expected.noPeriod')}
          onChange={(event) => {
            change({ everyMinutes: Number(event.currentTarget.value) })
            setIsGuess(false)
          }}
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
