import { Button, Chip, Group, NumberInput, SegmentedControl, TextInput } from '@mantine/core'
import { type FormEvent, useId, useState } from 'react'
import type { SendRule } from '../../../core/settings/schema.ts'
import { useWords } from '../../words/context.tsx'
import { emptyRule, type RuleForm, rateLimits, ruleOf, weekdays } from './limit-form.ts'

interface RuleEditorProps {
  onAdd: (rule: SendRule) => Promise<void>
  onCancel: () => void
}

const kinds: readonly RuleForm['allow'][] = ['limit', 'pause', 'free']

/** A form for one time of the week; it is kept by its button, and only if it is complete. */
export function RuleEditor({ onAdd, onCancel }: RuleEditorProps) {
  const { t, format, language } = useWords()
  const daysId = useId()
  const [form, setForm] = useState<RuleForm>(emptyRule)
  const change = (changes: Partial<RuleForm>) => setForm((before) => ({ ...before, ...changes }))
  const rule = ruleOf(form)
  const limits = { least: String(rateLimits.least), most: format.number(rateLimits.most) }

  const add = (event: FormEvent) => {
    event.preventDefault()
    if (rule !== null) void onAdd(rule)
  }

  return (
    <form className="rule-editor" onSubmit={add} aria-label={t('window.limit.add')}>
      <fieldset aria-labelledby={daysId}>
        <legend id={daysId} className="setting-label">
          {t('window.limit.days')}
        </legend>
        <Chip.Group multiple value={[...form.days]} onChange={(days: string[]) => change({ days })}>
          <Group gap={4}>
            {weekdays(language).map(({ value, label }) => (
              <Chip key={value} value={value} size="xs">
                {label}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </fieldset>
      <Group grow gap="xs">
        {(['from', 'to'] as const).map((end) => (
          <TextInput
            key={end}
            type="time"
            label={t(`window.limit.${end}`)}
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
        <NumberInput
          aria-label={t('window.limit.allow.limit')}
          value={form.rate}
          onChange={(rate) => change({ rate })}
          allowNegative={false}
          decimalScale={6}
          suffix={` ${t('window.limit.unit')}`}
          hideControls
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
        <Button size="xs" type="submit" disabled={rule === null}>
          {t('window.limit.save')}
        </Button>
      </Group>
    </form>
  )
}
