import { TextInput, type TextInputProps } from '@mantine/core'
import type { ReactNode } from 'react'

interface NumberFieldProps extends Omit<TextInputProps, 'label' | 'value' | 'onChange'> {
  label: string
  /** Shown after the label. */
  mark?: ReactNode
  value: string | number
  onChange: (typed: string) => void
  unit?: string
  /** A control at the end of the field. */
  aside?: ReactNode
}

/** Returns the width in units of `ch`: a Chinese character takes two. */
const measureWidth = (text: string): number =>
  [...text].reduce((width, one) => width + (one > '\u2e80' ? 2 : 1), 0)

/**
 * A number as typed, with its unit at the end. Invalid input stays visible and is refused by the parser: a field that
 * drops letters would turn "500K" into 500 MiB, and "fast" into nothing.
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
      rightSectionWidth={`calc(${measureWidth(unit)}ch + ${aside ? 50 : 20}px)`}
      rightSectionPointerEvents={aside ? 'all' : 'none'}
    />
  )
}
