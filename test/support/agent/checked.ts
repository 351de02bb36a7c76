import type { Checked, VerdictKind } from '../../../core/check/checker-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'

/** What the checker tells of a path: well, until the test says otherwise. */
export function checkedAs(
  id: string,
  {
    kind = 'ok',
    code = null,
    ...changes
  }: Partial<Checked> & { kind?: VerdictKind; code?: string | null } = {},
): Checked {
  return {
    id,
    path: `/${id}`,
    at: 0,
    overall: { kind, step: null, code, elapsedMs: 1, sentence: message('problem.other', { reason: kind }) },
    probes: {},
    delayMs: 1,
    mount: null,
    readOnlyByIntent: false,
    soundErrorsCount: null,
    ...changes,
  }
}
