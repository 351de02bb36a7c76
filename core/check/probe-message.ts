import { fillTemplate } from '../alert/letter.ts'

/** What a template may name, in braces. */
export const templateNames = ['project', 'resource', 'path', 'step'] as const

/** The read-only monitor's own message of one failed step: LINE Notify puts its label before the first line. */
export const STEP_TEMPLATE = '\n[PROJ_CODE] {project}, in {resource}\n>>> {step} failed'

/** The message of one failed step. What is in braces and no name stays as it is. */
export function stepMessage(
  template: string,
  values: Record<(typeof templateNames)[number], string>,
): string {
  return fillTemplate(template, values)
}
