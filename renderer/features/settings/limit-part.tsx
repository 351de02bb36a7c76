import type { AppState } from '../../../core/agent/state/schema.ts'
import { useOfNow } from '../../state/now.ts'
import { useWords } from '../../words/context.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { parseRate, rateLimits, toTyped } from './limit-form.ts'
import { PlainSettings } from './plain-setting.tsx'
import { RuleList } from './rule-list.tsx'
import { SavedNumber } from './saved-number.tsx'
import { SurroundingsPart } from './surroundings-part.tsx'
import { type Save, useSave, useSaveAndHear } from './use-save.ts'
import { WeekPart } from './week-part.tsx'

/** Sets the rate limit of sending, its schedule, and when a file is sent. */
export function LimitPart({ state }: { state: AppState }) {
  const save = useSave()
  const saveAndHear = useSaveAndHear()
  const { settings, allowance } = state
  const { send } = settings
  return (
    <SettingsPart title="settings.sending">
      <AllowanceNow allowance={allowance} />
      <Setting id="send.bytesPerSecond">
        <RateSetting
          value={send.bytesPerSecond}
          save={(bytesPerSecond) => save({ send: { bytesPerSecond } })}
        />
      </Setting>
      <Setting id="schedule">
        {send.schedule.length > 0 && <WeekPart timetable={send} />}
        <RuleList rules={send.schedule} save={(schedule) => saveAndHear({ send: { schedule } })} />
      </Setting>
      <SurroundingsPart {...state} />
      <PlainSettings section="settings.sending" settings={settings} />
    </SettingsPart>
  )
}

function AllowanceNow({ allowance: { now, until } }: Pick<AppState, 'allowance'>) {
  const { t, format } = useWords()
  const end = useOfNow((clock) => (until === null ? '' : format.moment(until, clock)))
  const params = now.kind === 'limit' ? { rate: format.rate(now.bytesPerSecond) } : {}
  return (
    <p className="dimmed">
      {until === null
        ? t(`window.limit.now.${now.kind}`, params)
        : t(`window.limit.until.${now.kind}`, { ...params, time: end })}
    </p>
  )
}

interface RateSettingProps {
  value: number | null
  save: (value: number | null) => ReturnType<Save>
}

/** A limit in MiB/s, or none. */
function RateSetting({ value, save }: RateSettingProps) {
  const { t, format } = useWords()
  const { least, most } = rateLimits
  const wrong = t('window.limit.bad', { least: String(least), most: format.number(most) })
  return (
    <SavedNumber
      label={t('setting.send.bytesPerSecond')}
      hint={t('setting.send.bytesPerSecond.hint')}
      unit={t('window.limit.unit')}
      value={value === null ? '' : toTyped(value)}
      check={(typed) => (parseRate(typed) === null ? wrong : null)}
      save={(typed) => {
        const rate = parseRate(typed)
        return save(rate === 'none' ? null : rate)
      }}
    />
  )
}
