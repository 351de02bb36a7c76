import { Switch } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { useWords } from '../../words/context.tsx'

/** Sets whether Holdfast starts at login. The system stores this: it is queried whenever the setting is shown. */
export function LoginSetting() {
  const { t, say } = useWords()
  const bridge = useBridge()
  const { ask } = useCommands()
  const [on, setOn] = useState<boolean | null>(null)
  const [problem, setProblem] = useState<Message | null>(null)
  useEffect(() => {
    bridge.call('loginStart', {}).then(
      (answer) => setOn(answer.on),
      (error) => setProblem(sentenceOfThrown(error)),
    )
  }, [bridge])

  const set = async (next: boolean) => {
    const outcome = await ask('setLoginStart', { on: next })
    setProblem(outcome.done ? null : outcome.sentence)
    if (outcome.done) setOn(next)
  }

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
