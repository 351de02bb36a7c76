import { z } from 'zod'

// Inputs that the commands of several parts have.

type WithoutDefaults<S extends z.ZodRawShape> = {
  [Name in keyof S]: S[Name] extends z.ZodDefault<infer Field extends z.ZodType> ? Field : S[Name]
}

/**
 * Removes the defaults of a shape. Otherwise an omitted field would be reset to its default; a patch must change only
 * the fields that it contains.
 */
export function withoutDefaults<S extends z.ZodRawShape>(shape: S): z.ZodObject<WithoutDefaults<S>> {
  const fields = Object.entries(shape).map(([name, field]) => [
    name,
    field instanceof z.ZodDefault ? field.unwrap() : field,
  ])
  return z.object(Object.fromEntries(fields) as WithoutDefaults<S>)
}

export const idInput = z.object({ id: z.string() })

/** The id of a destination. */
export const destinationId = z.string().min(1).max(128)
/** The folder of another computer at the destination; omitted or null: this computer's. */
const computer = z.string().min(1).max(1000).nullable().optional()
export const locationFields = { destination: destinationId, computer }
