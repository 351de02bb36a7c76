import { type Message, message, type WordKey } from '../lib/i18n/message.ts'
import { type ProbeKind, type Verdict, type VerdictKind, verdictKinds } from './checker-messages.ts'
import type { Failure, ProbeFinding } from './probes/findings.ts'

/** A well probe that took longer than this, in milliseconds, is slow, unless a person set another threshold. */
export const SLOW_MS = 2_000

/**
 * The threshold that holds, in milliseconds: what is out past the timeout hangs and is never slow, so a threshold
 * that lies there means a quarter of the timeout.
 */
export function slowLimit(slowMs: number, timeoutMs: number): number {
  return slowMs < timeoutMs ? slowMs : timeoutMs / 4
}

/** What each error of the system means for a path; every other one is an "error". */
const KIND_OF_CODE: Record<string, VerdictKind> = {
  EACCES: 'permission',
  EPERM: 'permission',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  EIO: 'io-error',
  EUCLEAN: 'io-error',
  EBADMSG: 'io-error',
  EREMOTEIO: 'io-error',
  EMEDIUMTYPE: 'io-error',
  EHWPOISON: 'io-error',
  ENODATA: 'io-error',
  EILSEQ: 'io-error',
  ESTALE: 'stale',
  ENOTCONN: 'stale',
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  ENODEV: 'missing',
  ENXIO: 'missing',
  ENOMEDIUM: 'missing',
  ETIMEDOUT: 'hung',
  EHOSTDOWN: 'hung',
  EHOSTUNREACH: 'hung',
}

/** What no call would tell, and how it is said. */
const OF_CAUSE: Record<Exclude<Failure['cause'], 'call'>, { kind: VerdictKind; key: WordKey }> = {
  'no-inodes': { kind: 'full', key: 'check.noInodes' },
  unmounted: { kind: 'missing', key: 'check.unmounted' },
  'read-only': { kind: 'read-only', key: 'check.mountReadOnly' },
  emergency: { kind: 'read-only', key: 'check.mountEmergency' },
  'ext4-errors': { kind: 'io-error', key: 'check.ext4Errors' },
}

function kindOfFailure(failure: Failure): VerdictKind {
  return failure.cause === 'call' ? (KIND_OF_CODE[failure.code] ?? 'error') : OF_CAUSE[failure.cause].kind
}

/** The verdict of one probe that has come back; `limitMs` is its `slowLimit`. */
export function verdictOf(path: string, finding: ProbeFinding, limitMs: number): Verdict {
  const { elapsedMs } = finding
  // The first step that failed is the reason; those after it mostly fail because of it.
  const [failure] = finding.failures
  if (failure !== undefined) {
    return {
      kind: kindOfFailure(failure),
      step: failure.step,
      code: failure.cause === 'call' ? failure.code : failure.cause === 'no-inodes' ? 'ENOSPC' : null,
      elapsedMs,
      sentence: sentenceOfFailure(path, failure, elapsedMs),
    }
  }
  const isSlow = elapsedMs > limitMs
  return {
    kind: isSlow ? 'slow' : 'ok',
    step: null,
    code: null,
    elapsedMs,
    sentence: isSlow
      ? message('check.slow', { path, elapsed: elapsedMs, limit: limitMs })
      : message('check.ok', { path }),
  }
}

/** The verdict of a probe that has not come back in time; `step` is the call that it is in. */
export function hungVerdict(path: string, step: string, elapsedMs: number): Verdict {
  const sentence = message('check.hung', { path, step, elapsed: elapsedMs })
  return { kind: 'hung', step, code: null, elapsedMs, sentence }
}

/** The verdict of a path that was not touched, because other probes hang on its file system. */
export function fileSystemHungVerdict(path: string, point: string, elapsedMs: number): Verdict {
  const sentence = message('check.fileSystemHung', { path, point, elapsed: elapsedMs })
  return { kind: 'hung', step: null, code: null, elapsedMs, sentence }
}

/** The verdict of a path that was not touched, because so many checks hang that no thread is left for it. */
export function noThreadVerdict(path: string): Verdict {
  return {
    kind: 'error',
    step: null,
    code: null,
    elapsedMs: 0,
    sentence: message('check.noThread', { path }),
  }
}

function sentenceOfFailure(path: string, failure: Failure, elapsedMs: number): Message {
  const { step, cause } = failure
  if (cause === 'call') return sentenceOfCall(path, step, failure.code, elapsedMs)
  const { key } = OF_CAUSE[cause]
  if (cause === 'no-inodes') return message(key, { path, step })
  const { point } = failure
  return message(key, { path, point, ...(cause === 'ext4-errors' ? { errors: failure.count } : {}) })
}

/** How a call that was refused is said, by the error's name or else by what it means. */
const KEY_OF_CODE: Record<string, WordKey> = { EDQUOT: 'check.quota', ENOTDIR: 'check.notDirectory' }
const KEY_OF_KIND: Partial<Record<VerdictKind, WordKey>> = {
  permission: 'check.permission',
  full: 'check.full',
  'read-only': 'check.readOnly',
  'io-error': 'check.ioError',
  stale: 'check.stale',
  missing: 'check.missing',
}

function sentenceOfCall(path: string, step: string, code: string, elapsed: number): Message {
  const kind = KIND_OF_CODE[code] ?? 'error'
  if (kind === 'hung') return message('check.hung', { path, step: `${step}, ${code}`, elapsed })
  return message(KEY_OF_CODE[code] ?? KEY_OF_KIND[kind] ?? 'check.error', { path, step, code })
}

/** Of two equally grave verdicts the one that names a call that failed says more than the mount's options. */
const TELLING: readonly ProbeKind[] = ['write', 'read', 'mount']

/** The gravest of the probes' verdicts; "well" where there is none. */
export function gravest(path: string, verdicts: Partial<Record<ProbeKind, Verdict>>): Verdict {
  let worst: Verdict | null = null
  for (const probe of TELLING) {
    const verdict = verdicts[probe]
    if (verdict !== undefined && (worst === null || gravity(verdict) > gravity(worst))) worst = verdict
  }
  return worst ?? verdictOf(path, { failures: [], elapsedMs: 0 }, Number.POSITIVE_INFINITY)
}

function gravity({ kind }: Verdict): number {
  return verdictKinds.indexOf(kind)
}

/** The commands of a shell script that does what a probe does: create, list, remove one file. */
export type ShellStep = 'touch' | 'ls' | 'rm'

const SHELL_STEP: Record<string, ShellStep> = { 'read back': 'ls', list: 'ls', remove: 'rm' }

/** The shell's name of a step of a probe; of one that no script has, what it would have met first. */
export function shellStep(step: string): ShellStep {
  return SHELL_STEP[step] ?? 'touch'
}

/** The shell's name of the step that a verdict names; null: the path is well. */
export function shellStepOf(kind: VerdictKind, step: string | null): ShellStep | null {
  if (kind === 'ok' || kind === 'slow') return null
  return shellStep(step ?? 'create')
}
