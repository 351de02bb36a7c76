import type { z } from 'zod'
import { Problem, sentenceOf } from '../words/problem.ts'
import type { Agent } from './agent.ts'
import { UNUSED_SETTINGS } from './notices.ts'
import { DONE, type Outcome } from './outcome.ts'

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
export function badInput(command: string, { issues: [issue] }: z.ZodError): Problem {
  const field = issue?.path.join('.') ?? ''
  if (issue?.code === 'too_big' && issue.origin === 'string') {
    return new Problem('agent.tooLong', { field, most: Number(issue.maximum) })
  }
  return new Problem('agent.badInput', {
    command,
    reason: [field, issue?.message].filter(Boolean).join(': '),
  })
}

/** A refusal is an outcome with a sentence, never an exception. */
export async function outcomeOf(act: () => unknown): Promise<Outcome> {
  try {
    await act()
    return DONE
  } catch (thrown) {
    return { done: false, sentence: sentenceOf(thrown) }
  }
}

/** The outcome of something that a person sets anew: what became of the settings before is known by then. */
export function change(agent: Pick<Agent, 'notices'>, act: () => unknown): Promise<Outcome> {
  return outcomeOf(async () => {
    await act()
    agent.notices.dismiss(UNUSED_SETTINGS)
  })
}
