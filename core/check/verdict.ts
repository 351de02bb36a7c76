import { type Message, message, type WordKey } from '../lib/i18n/message.ts'
import { type ProbeKind, type Verdict, type VerdictKind, verdictKinds } from './checker-messages.ts'
import type { Failure, ProbeFinding } from './probes/findings.ts'

/** A successful probe that took longer than this, in milliseconds, is slow, unless a person set another threshold. */
export const SLOW_MS = 2_000

/**
 * Returns the effective threshold in milliseconds. A probe past the timeout hangs and is never slow, so a threshold at
 * or above the timeout is replaced by a quarter of the timeout.
 */
export function slowLimit(slowMs: number, timeoutMs: number): number {
  return slowMs < timeoutMs ? slowMs : timeoutMs / 4
}

/** The kind of verdict for each system error; every other error is an "error". */
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

/** Kinds and sentences of faults that no call reports. */
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

/** Returns the verdict of a probe that has returned; `limitMs` is its `slowLimit`. */
export function toVerdict(path: string, finding: ProbeFinding, limitMs: number): Verdict {
  const { elapsedMs } = finding
  // The first failed step is the cause; later ones mostly fail because of it.
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

/** Returns the verdict of a probe that has not returned in time; `step` is the call that it is in. */
export function hungVerdict(path: string, step: string, elapsedMs: number): Verdict {
  const sentence = message('check.hung', { path, step, elapsed: elapsedMs })
  return { kind: 'hung', step, code: null, elapsedMs, sentence }
}

/** Returns the verdict of a path that was not touched, because other probes hang on its file system. */
export function fileSystemHungVerdict(path: string, point: string, elapsedMs: number): Verdict {
  const sentence = message('check.fileSystemHung', { path, point, elapsed: elapsedMs })
  return { kind: 'hung', step: null, code: null, elapsedMs, sentence }
}

/** Returns the verdict of a path that was not touched, because no thread is left: too many checks hang. */
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

/** Sentences for failed calls, by the error's name, or else by the kind of verdict. */
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

/** Precedence of equally grave verdicts: a failed call is more informative than the mount's options. */
const TELLING: readonly ProbeKind[] = ['write', 'read', 'mount']

/** Returns the gravest of the probes' verdicts; "ok" if there is none. */
export function pickGravest(path: string, verdicts: Partial<Record<ProbeKind, Verdict>>): Verdict {
  let worst: Verdict | null = null
  for (const probe of TELLING) {
    const verdict = verdicts[probe]
    if (verdict !== undefined && (worst === null || gravity(verdict) > gravity(worst))) worst = verdict
  }
  return worst ?? toVerdict(path, { failures: [], elapsedMs: 0 }, Number.POSITIVE_INFINITY)
}

function gravity({ kind }: Verdict): number {
  return verdictKinds.indexOf(kind)
}

/** The commands of a shell script that does the same as a probe: create, list and remove one file. */
export type ShellStep = 'touch' | 'ls' | 'rm'

const SHELL_STEP: Record<string, ShellStep> = { 'read back': 'ls', list: 'ls', remove: 'rm' }

/** Returns the shell command of a probe's step; for a step without one, the command that would fail first. */
export function shellStep(step: string): ShellStep {
  return SHELL_STEP[step] ?? 'touch'
}

/** Returns the shell command of the step in a verdict; null: the verdict is no failure. */
export function getShellStep(kind: VerdictKind, step: string | null): ShellStep | null {
  if (kind === 'ok' || kind === 'slow') return null
  return shellStep(step ?? 'create')
}
