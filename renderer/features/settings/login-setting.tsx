import { Switch } from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { useWords } from '../../words/context.tsx'

/**
 * Sets whether Holdfast starts at login. The system stores this: it is queried whenever the setting is shown.
 * @param turnOn switches it on when it is shown, as its default in the first run.
 */
export function LoginSetting({ turnOn = false }: { turnOn?: boolean }) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const { ask } = useCommands()
  const [on, setOn] = useState<boolean | null>(null)
  const [problem, setProblem] = useState<Message | null>(null)
  const set = useCallback(
    async (next: boolean) => {
      const outcome = await ask('setLoginStart', { on: next })
      setProblem(outcome.done ? null : outcome.sentence)
      if (outcome.done) setOn(next)
    },
    [ask],
  )
  const [mustTurnOn] = useState(turnOn)
  useEffect(() => {
    bridge.call('loginStart', {}).then(
      (answer) => {
        setOn(answer.on)
        if (mustTurnOn && !answer.on) void set(true)
      },
      (error) => setProblem(sentenceOfThrown(error)),
    )
  }, [bridge, set, mustTurnOn])

  return (
    <div>
      <Switch
        label={t('settings.login.title')}
        description={t('settings.login.hint')}
        checked={on === true}
        disabled={on === null}
        onChange={(event) => void set(event.currentTarget.checked)}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      {problem !== null && <p className="card-problem breakable">{say(problem)}</p>}
    </div>
  )
}
