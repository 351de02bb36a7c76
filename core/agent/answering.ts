import type { z } from 'zod'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import type { CommandAnswer } from './answer.ts'

/** Runs one command from outside. Validates its input and its output. */
export async function answerCommand(
  command: string,
  { input, output }: { input: z.ZodType; output: z.ZodType },
  handler: (input: never) => Promise<unknown>,
  given: unknown,
): Promise<unknown> {
  const parsed = input.safeParse(given)
  if (!parsed.success) throw badInput(command, parsed.error)
  return output.parse(await handler(parsed.data as never))
}

/**
 * Returns the error for invalid input. It reports only the first issue, because zod's own message for all issues is
 * JSON.
 */
export function badInput(command: string, { issues: [issue] }: z.ZodError): UserError {
  const field = issue?.path.join('.') ?? ''
  if (issue?.code === 'too_big' && issue.origin === 'string') {
    return new UserError('agent.tooLong', { field, most: Number(issue.maximum) })
  }
  if (issue?.code === 'too_small' && issue.origin === 'string') return new UserError('agent.empty', { field })
  return new UserError('agent.badInput', {
    command,
    reason: [field, issue?.message].filter(Boolean).join(': '),
  })
}

/**
 * Turns a thrown error into a reply with a sentence.
 * @param log receives errors that are no UserError: these are defects.
 */
export async function getAnswer(
  give: () => Promise<unknown>,
  log: (error: unknown) => void = () => undefined,
): Promise<CommandAnswer> {
  try {
    return { output: await give() }
  } catch (error) {
    if (!(error instanceof UserError)) log(error)
    return { sentence: toSentence(error) }
  }
}

/** Runs a command that has no output. */
export async function runAction(act: () => unknown): Promise<Record<string, never>> {
  await act()
  return {}
}
