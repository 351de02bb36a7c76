import { NativeSelect, TextInput } from '@mantine/core'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import type { Amount } from './draft.ts'

interface AmountInputProps {
  label: WordKey
  hint?: WordKey
  placeholder: WordKey
  units: readonly { unit: number; label: WordKey }[]
  amount: Amount
  problem: WordKey | undefined
  onChange: (amount: Amount) => void
}

/** Shows a number and its unit side by side; it may be empty. */
export function AmountInput({
  label,
  hint,
  placeholder,
  units,
  amount,
  problem,
  onChange,
}: AmountInputProps) {
  const { t } = useWords()
  return (
    <div className="amount">
      <TextInput
        inputMode="decimal"
        label={t(label)}
        description={hint === undefined ? undefined : t(hint)}
        placeholder={t(placeholder)}
        error={problem === undefined ? undefined : t(problem)}
        value={amount.typed}
        onChange={(event) => onChange({ ...amount, typed: event.currentTarget.value })}
        inputWrapperOrder={['label', 'description', 'input', 'error']}
        rightSectionWidth={92}
        rightSection={
          <NativeSelect
            variant="unstyled"
            className="amount-unit"
            // Overrides the width that it would inherit from the outer field.
            rightSectionWidth={26}
            aria-label={t('window.filters.unitOf', { label: t(label) })}
            value={String(amount.unit)}
            onChange={(event) => onChange({ ...amount, unit: Number(event.currentTarget.value) })}
            data={units.map((one) => ({ value: String(one.unit), label: t(one.label) }))}
          />
        }
      />
    </div>
  )
}
