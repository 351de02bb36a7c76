import { TextInput, type TextInputProps } from '@mantine/core'
import type { ReactNode } from 'react'

interface NumberFieldProps extends Omit<TextInputProps, 'label' | 'value' | 'onChange'> {
  label: string
  /** Behind the label. */
  mark?: ReactNode
  value: string | number
  onChange: (typed: string) => void
  unit?: string
  /** A control at the end of the field. */
  aside?: ReactNode
}

/** Chinese characters are two of the font's usual widths. */
const widthOf = (text: string): number =>
  [...text].reduce((width, one) => width + (one > '\u2e80' ? 2 : 1), 0)

/**
 * A number as it was typed, with its unit at the end. What is no number stays to be seen, and whoever reads it refuses it:
 * a field that drops letters makes 500 MiB of "500K", and nothing of "fast".
 */
export function NumberField({ label, mark, value, onChange, unit = '', aside, ...input }: NumberFieldProps) {
  const end = (
    <span className="number-end">
      {unit}
      {aside}
    </span>
  )
  return (
    <TextInput
      {...input}
      label={
        <>
          {label} {mark}
        </>
      }
      aria-label={label}
      aria-description={unit === '' ? undefined : unit}
      inputMode="decimal"
      autoComplete="off"
      value={String(value)}
      onChange={(event) => onChange(event.currentTarget.value)}
      rightSection={unit !== '' || aside ? end : undefined}
      rightSectionWidth={`calc(${widthOf(unit)}ch + ${aside ? 50 : 20}px)`}
      rightSectionPointerEvents={aside ? 'all' : 'none'}
    />
  )
}
