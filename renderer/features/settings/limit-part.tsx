import { NumberInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/words/message.ts'
import { useNow } from '../../state/now.ts'
import { useWords } from '../../words/context.tsx'
import { parseRate, rateLimits, toTyped } from './limit-form.ts'
import { RuleList } from './rule-list.tsx'
import { SavedMark } from './saved-mark.tsx'
import { type Save, useSave, useSaveAndHear } from './use-save.ts'

/** How much of the line sending may use, and when. */
export function LimitPart({ state: { settings, allowance } }: { state: AppState }) {
  const { t } = useWords()
  const save = useSave()
  const saveAndHear = useSaveAndHear()
  const { send } = settings
  return (
    <section className="card settings" aria-label={t('window.limit.title')}>
      <h2>{t('window.limit.title')}</h2>
      <AllowanceNow allowance={allowance} />
      <RateSetting
        value={send.bytesPerSecond}
        save={(bytesPerSecond) => save({ send: { bytesPerSecond } })}
      />
      <RuleList rules={send.schedule} save={(schedule) => saveAndHear({ send: { schedule } })} />
    </section>
  )
}

function AllowanceNow({ allowance: { now, until } }: Pick<AppState, 'allowance'>) {
  const { t, format } = useWords()
  const clock = useNow()
  const params = now.kind === 'limit' ? { rate: format.rate(now.bytesPerSecond) } : {}
  return (
    <p className="dimmed">
      {t(`window.limit.now.${now.kind}`, params)}
      {until !== null && ` ${t('window.limit.until', { time: format.moment(until, clock) })}`}
    </p>
  )
}

interface RateSettingProps {
  value: number | null
  save: (value: number | null) => ReturnType<Save>
}

/** MiB a second, or nothing; kept when the field is left or Enter is pressed. */
function RateSetting({ value, save }: RateSettingProps) {
  const { t, say, format } = useWords()
  const shown = value === null ? '' : toTyped(value)
  const [typed, setTyped] = useState<string | number>(shown)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const parsed = parseRate(typed)

  // Somebody else may change it too: the command line, or a second window.
  useEffect(() => setTyped(shown), [shown])

  const commit = async () => {
    if (parsed === null || String(typed) === String(shown)) return
    const outcome = await save(parsed === 'none' ? null : parsed)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }
  const { least, most } = rateLimits
  const bad = t('window.limit.bad', { least: String(least), most: format.number(most) })

  return (
    <NumberInput
      label={
        <>
          {t('window.limit.always')} <SavedMark at={savedAt} />
        </>
      }
      aria-label={t('window.limit.always')}
      description={t('window.limit.alwaysHint')}
      error={parsed === null ? bad : refusal === null ? null : say(refusal)}
      value={typed}
      onChange={(next) => {
        setTyped(next)
        setRefusal(null)
      }}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void commit()
        if (event.key === 'Escape') setTyped(shown)
      }}
      allowNegative={false}
      decimalScale={6}
      suffix={` ${t('window.limit.unit')}`}
      hideControls
    />
  )
}
