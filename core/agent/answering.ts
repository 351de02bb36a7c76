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

interface Schemas {
  input: z.ZodType
  output: z.ZodType
}

/**
 * query: it changes nothing here or elsewhere, and a viewer of the web page may send it. trial: it reads or tests
 * something, opens a dialog or a program of the desktop, or steers the window or a running task. change: the record of changes has it (text `change.NAME`).
 */
export type CommandUse = 'query' | 'trial' | 'change'

export const defineQuery = <S extends Schemas>({ input, output }: S) =>
  defineCommand<S, 'query'>(input, output, 'query')
export const defineTrial = <S extends Schemas>({ input, output }: S) =>
  defineCommand<S, 'trial'>(input, output, 'trial')
export const defineChange = <S extends Schemas>({ input, output }: S) =>
  defineCommand<S, 'change'>(input, output, 'change')
/** Defines a change without output. Its handler throws if it cannot be done. */
export const defineAction = <I extends z.ZodType>(input: I) => defineChange({ input, output: nothing })

const defineCommand = <S extends Schemas, U extends CommandUse>(
  input: S['input'],
  output: S['output'],
  use: U,
) => ({ input, output, use })

/** The handlers of some commands. */
export type HandlersOf<C extends Readonly<Record<string, Schemas>>> = {
  [Name in keyof C]: (input: z.infer<C[Name]['input']>) => Promise<z.infer<C[Name]['output']>>
}

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
