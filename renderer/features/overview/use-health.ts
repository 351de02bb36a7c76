import { isOldVerdict } from '../../../core/agent/state/derived.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useOfNow } from '../../state/now.ts'
import { getHealth, type Health } from './describe.ts'

/** Returns a path's present health; renders again only when it changes. */
export function useHealth(checked: SourceState['checked'], intervalSeconds: number): Health {
  const isOld = useOfNow((now) => checked !== null && isOldVerdict(checked, intervalSeconds, now))
  return getHealth(checked, isOld)
}
