/** Kinds of verdicts, in order of gravity. */
export const verdictKinds = [
  'ok',
  'slow',
  'permission',
  'full',
  'read-only',
  'io-error',
  'stale',
  'missing',
  'hung',
  'error',
] as const
export type VerdictKind = (typeof verdictKinds)[number]
