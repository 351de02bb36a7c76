import { Group, Switch, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from '../settings/saved-mark.tsx'
import type { Save } from '../settings/use-save.ts'
import { parseWallTime } from './wall-time.ts'

type Hours = NonNullable<AppState['settings']['alerts']['quietHours']>

const usual: Hours = { from: '22:00', to: '07:00' }

interface QuietHoursProps {
  /** null if there are no quiet hours. */
  value: Hours | null
  save: (value: Hours | null) => ReturnType<Save>
}

/** Sets the hours in which only critical incidents are reported. A valid time is saved on leaving its field. */
export function QuietHours({ value, save }: QuietHoursProps) {
  const { t, say } = useWords()
  const [typed, setTyped] = useState<Hours>(value ?? usual)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const from = parseWallTime(typed.from)
  const to = parseWallTime(typed.to)

  // The settings may also change elsewhere: on the command line, or in a second window.
  useEffect(() => {
    if (value !== null) setTyped(value)
  }, [value])

  const keep = async (next: Hours | null) => {
    const outcome = await save(next)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }
  const commit = () => {
    if (from === null || to === null || value === null) return
    if (from !== value.from || to !== value.to) void keep({ from, to })
  }

  return (
    <div>
      <Switch
        label={
          <>
            {t('setting.alerts.quietHours')} <SavedMark at={savedAt} />
          </>
        }
        aria-label={t('setting.alerts.quietHours')}
        description={t('setting.alerts.quietHours.hint')}
        checked={value !== null}
        onChange={(event) => void keep(event.currentTarget.checked ? usual : null)}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      {value !== null && (
        <Group grow gap="xs" mt="xs" align="flex-start">
          {(['from', 'to'] as const).map((end) => (
            <TextInput
              key={end}
              label={t(`window.quiet.${end}`)}
              placeholder={usual[end]}
              maxLength={5}
              inputMode="numeric"
              value={typed[end]}
              onChange={(event) => {
                setTyped({ ...typed, [end]: event.currentTarget.value })
                setRefusal(null)
              }}
              onBlur={commit}
              onKeyDown={(event) => {
                if (event.key === 'Enter') commit()
                if (event.key === 'Escape') setTyped(value)
              }}
              error={(end === 'from' ? from : to) === null ? t('window.quiet.wrong') : null}
            />
          ))}
        </Group>
      )}
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </div>
  )
}
