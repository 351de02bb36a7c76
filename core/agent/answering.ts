import type { z } from 'zod'
import { sentenceOf, UserError } from '../lib/i18n/user-error.ts'
import type { CommandAnswer } from './answer.ts'

/** One command from outside: validated both ways. */
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

/** Input that cannot be used, told by the first issue: zod's own message for all of them is JSON. */
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

/** What is thrown is answered as a sentence. @param log hears of what is no UserError: a defect. */
export async function answerOf(
  give: () => Promise<unknown>,
  log: (error: unknown) => void = () => undefined,
): Promise<CommandAnswer> {
  try {
    return { output: await give() }
  } catch (error) {
    if (!(error instanceof UserError)) log(error)
    return { sentence: sentenceOf(error) }
  }
}

/** The answer of a command that only does something. */
export async function done(act: () => unknown): Promise<Record<string, never>> {
  await act()
  return {}
}
