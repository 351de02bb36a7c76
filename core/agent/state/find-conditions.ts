import { channelConditions } from '../parts/alerts/conditions.ts'
import { linkConditions, uncheckedCondition } from '../parts/checks/conditions.ts'
import { computerConditions } from '../parts/computers/conditions.ts'
import { destinationConditions } from '../parts/destinations/conditions.ts'
import { diskConditions } from '../parts/disks/conditions.ts'
import { sinkConditions } from '../parts/events/conditions.ts'
import { expectedConditions } from '../parts/expected/conditions.ts'
import { damagedConditions } from '../parts/healing/conditions.ts'
import { noticeConditions } from '../parts/notices/conditions.ts'
import { pauseCondition } from '../parts/pause/conditions.ts'
import { receivingCondition, senderConditions } from '../parts/receiving/conditions.ts'
import { sourceConditions } from '../parts/sources/conditions.ts'
import { workerConditions } from '../workers/conditions.ts'
import type { FoundCondition } from './condition.ts'
import type { AppState } from './schema.ts'

// The conditions besides disk failures, derived from the state; pure. The overall status and the incidents use them. Which
// of them is the gravest is the order of `incidentKinds`.

const finders: readonly ((state: AppState, now: number) => FoundCondition[])[] = [
  workerConditions,
  uncheckedCondition,
  destinationConditions,
  damagedConditions,
  receivingCondition,
  senderConditions,
  computerConditions,
  channelConditions,
  sinkConditions,
  pauseCondition,
  noticeConditions,
  linkConditions,
  diskConditions,
  sourceConditions,
  expectedConditions,
]

/**
 * Returns the condition of every monitored subject. Incidents of other subjects end without a notification. While a
 * source's disk fails, missing files and failures of the scan are not reported separately.
 */
export const findConditions = (state: AppState, now: number): FoundCondition[] =>
  finders.flatMap((find) => find(state, now))
