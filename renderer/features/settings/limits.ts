import './without-eval.ts'

import type { z } from 'zod'
import { sourceSchema } from '../../../core/settings/schema.ts'

// Values of the settings, and numbers as they are typed in the window's forms.

export * from '../../../core/settings/values.ts'

/** Hours without a new file. */
export const silentHours = sourceSchema.shape.silentHours.unwrap().unwrap()

/** Parses a typed number; null if the schema does not allow it. */
export function parseNumber(schema: z.ZodNumber, typed: string | number): number | null {
  const text = String(typed).trim()
  const parsed = text === '' ? undefined : Number(text)
  const result = schema.safeParse(parsed)
  return result.success ? result.data : null
}
