import { Button, Group, SegmentedControl, TextInput } from '@mantine/core'
import { type FormEvent, useId, useState } from 'react'
import type { SendRule } from '../../../core/settings/schema.ts'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'
import { emptyRule, parseRule, type RuleForm, rateLimits, toRuleForm, weekdays } from './limit-form.ts'

interface RuleEditorProps {
  /** The rule to edit; null for a new one. */
  before: SendRule | null
  /** The rules are being saved and cannot be changed. */
  busy: boolean
  onSave: (rule: SendRule) => Promise<void>
  onCancel: () => void
}

const kinds: readonly RuleForm['allow'][] = ['limit', 'pause', 'free']

const toggleDay = (days: readonly string[], day: string): string[] =>
  days.includes(day) ? days.filter((one) => one !== day) : [...days, day]

/** Form for a rule of the weekly schedule; its button saves it, if it is complete. */
export function RuleEditor({ before, busy, onSave, onCancel }: RuleEditorProps) {
  const { t, format, language } = useWords()
  const daysId = useId()
  const [form, setForm] = useState<RuleForm>(() => (before === null ? emptyRule : toRuleForm(before)))
  const change = (changes: Partial<RuleForm>) => setForm((now) => ({ ...now, ...changes }))
  const rule = parseRule(form)
  const limits = { least: String(rateLimits.least), most: format.number(rateLimits.most) }

  const save = (event: FormEvent) => {
    event.preventDefault()
    if (rule !== null && !busy) void onSave(rule)
  }

  return (
    <form
      className="rule-editor"
      onSubmit={save}
      aria-label={t(before === null ? 'window.limit.add' : 'settings.rule.edit')}
    >
      <fieldset aria-labelledby={daysId}>
        <legend id={daysId} className="setting-label">
          {t('window.limit.days')}
        </legend>
        <Group gap={4}>
          {weekdays(language).map(({ value, label }) => (
            <Button
              key={value}
              size="compact-sm"
              variant={form.days.includes(value) ? 'filled' : 'default'}
              aria-pressed={form.days.includes(value)}
              onClick={() => change({ days: toggleDay(form.days, value) })}
            >
              {label}
            </Button>
          ))}
        </Group>
      </fieldset>
      <Group grow gap="xs">
        {(['from', 'to'] as const).map((end) => (
          <TextInput
            key={end}
            label={t(`window.limit.${end}`)}
            placeholder="08:00"
            maxLength={5}
            inputMode="numeric"
            value={form[end]}
            onChange={(event) => change({ [end]: event.currentTarget.value })}
          />
        ))}
      </Group>
      <SegmentedControl
        fullWidth
        aria-label={t('window.limit.what')}
        value={form.allow}
        onChange={(text) => change({ allow: kinds.find((kind) => kind === text) ?? 'limit' })}
        data={kinds.map((value) => ({ value, label: t(`window.limit.allow.${value}`) }))}
      />
      {form.allow === 'limit' && (
        <NumberField
          label={t('window.limit.allow.limit')}
          unit={t('window.limit.unit')}
          value={form.rate}
          onChange={(rate) => change({ rate })}
        />
      )}
      {rule === null && (
        <p className="card-problem" role="alert">
          {t('window.limit.badRule', limits)}
        </p>
      )}
      <Group justify="flex-end" gap="xs">
        <Button size="xs" variant="default" onClick={onCancel}>
          {t('window.cancel')}
        </Button>
        <Button size="xs" type="submit" disabled={busy || rule === null}>
          {t(before === null ? 'window.limit.save' : 'settings.rule.save')}
        </Button>
      </Group>
    </form>
  )
}
