import { createContext, type ReactNode, use, useCallback, useMemo, useState } from 'react'
import type { CommandInput, CommandOutput, WindowCommands } from '../../core/agent/contract.ts'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { useBridge } from './bridge.tsx'
import { isSentence } from './thrown.ts'

/** What became of something that the person did: a sentence says why it was refused. */
export type Outcome = { done: true } | { done: false; sentence: Message }

/** The commands that only do something. */
export type Action = {
  [C in keyof WindowCommands]: CommandOutput<C> extends Record<string, never> ? C : never
}[keyof WindowCommands]

/** What the window last said about something that the person did. */
export interface Feedback {
  id: number
  tone: 'done' | 'refused'
  sentence: Message
}

interface Commands {
  feedback: Feedback | null
  tell: (tone: Feedback['tone'], sentence: Message) => void
  dismiss: () => void
  /** Sends a command and gives back what became of it; an agent that does not answer is a refusal with its reason. */
  ask: <C extends Action>(command: C, input: CommandInput<C>) => Promise<Outcome>
  /** The same, and a refusal is shown in the window; `done` is said after a success. */
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
