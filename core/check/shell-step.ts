import type { VerdictKind } from './verdict-kinds.ts'

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
