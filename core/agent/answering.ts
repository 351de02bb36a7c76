import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'

/** The reply to a command: its output, or the reason for its failure. */
export const answerSchema = z.union([
  z.object({ sentence: messageSchema }),
  z.object({ output: z.unknown() }),
])
export type CommandAnswer = z.infer<typeof answerSchema>

/** The input of a command that takes none. */
export const nothing = z.object({})

/** Declares a command without output. Its handler throws if the command cannot be done. */
export const defineAction = <I extends z.ZodType>(input: I) => ({ input, output: nothing })

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
