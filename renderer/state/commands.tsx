import { createContext, type ReactNode, use, useCallback, useMemo, useState } from 'react'
import type { CommandInput, CommandOutput, WindowCommands } from '../../core/agent/contract.ts'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { useBridge } from './bridge.tsx'
import { isSentence } from './thrown.ts'

/** Result of a user's action; the sentence is the reason of a refusal. */
export type Outcome = { done: true } | { done: false; sentence: Message }

/** The commands that return no value. */
export type Action = {
  [C in keyof WindowCommands]: CommandOutput<C> extends Record<string, never> ? C : never
}[keyof WindowCommands]

/** The window's last message about a user's action. */
export interface Feedback {
  id: number
  tone: 'done' | 'refused'
  sentence: Message
}

interface Commands {
  feedback: Feedback | null
  tell: (tone: Feedback['tone'], sentence: Message) => void
  dismiss: () => void
  /** Sends a command and returns its result; an agent that does not answer counts as a refusal with a reason. */
  ask: <C extends Action>(command: C, input: CommandInput<C>) => Promise<Outcome>
  /** As `ask`, and shows a refusal in the window; `done` is shown after a success. */
  run: <C extends Action>(command: C, input: CommandInput<C>, done?: WordKey) => Promise<boolean>
}

const CommandsContext = createContext<Commands | null>(null)

export function CommandsProvider({ children }: { children: ReactNode }) {
  const bridge = useBridge()
  const [feedback, setFeedback] = useState<Feedback | null>(null)

  const tell = useCallback((tone: Feedback['tone'], said: Message) => {
    setFeedback((last) => ({ id: (last?.id ?? 0) + 1, tone, sentence: said }))
  }, [])
  const dismiss = useCallback(() => setFeedback(null), [])

  const ask = useCallback(
    async <C extends Action>(command: C, input: CommandInput<C>): Promise<Outcome> => {
      try {
        await bridge.call(command, input)
        return { done: true }
      } catch (error) {
        if (isSentence(error)) return { done: false, sentence: error }
        const reason = error instanceof Error ? error.message : String(error)
        return { done: false, sentence: message('window.agent.noAnswer', { reason }) }
      }
    },
    [bridge],
  )

  const run = useCallback(
    async <C extends Action>(command: C, input: CommandInput<C>, done?: WordKey) => {
      const outcome = await ask(command, input)
      if (!outcome.done) tell('refused', outcome.sentence)
      else if (done !== undefined) tell('done', message(done))
      return outcome.done
    },
    [ask, tell],
  )

  const value = useMemo(() => ({ feedback, tell, dismiss, ask, run }), [feedback, tell, dismiss, ask, run])
  return <CommandsContext value={value}>{children}</CommandsContext>
}

export function useCommands(): Commands {
  const value = use(CommandsContext)
  if (value === null) throw new Error('useCommands outside CommandsProvider')
  return value
}
