import { nameFault } from '../wire/names.ts'
import type { Offered } from './offered.ts'
import type { Outcome } from './outcome.ts'

/** Why a path below a source is not stored; null: it may be. */
export function judgePath(path: string): Outcome | null {
  const fault = nameFault(path)
  return fault === null ? null : { status: 'name', detail: fault }
}

/** A place's name below the store's root. */
export const placeNameOf = ({
  source: { folder, directory },
  path,
}: Pick<Offered, 'source' | 'path'>): string => `${folder}/${directory}/${path}`
