import { Checkbox, Stack } from '@mantine/core'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { ChoiceSetting } from './choice-setting.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { useSave } from './use-save.ts'

const NEVER = 'never'

/** Sets whether a report is sent each month or week, and through which channels. */
export function ReportPart({ settings: { report, alerts } }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  const save = useSave()
  // A heartbeat sends no texts to people.
  const channels = alerts.channels.filter(({ type }) => type !== 'ping')
  const { every, channels: chosen } = report
  return (
    <SettingsPart title="settings.report.title">
      <Setting id="reports">
        <p className="dimmed">{t('settings.report.explain')}</p>
        <ChoiceSetting
          label={t('settings.report.every')}
          value={every ?? NEVER}
          choices={[
            { value: NEVER, label: t('settings.report.never') },
            { value: 'week', label: t('settings.report.week') },
            { value: 'month', label: t('settings.report.month') },
          ]}
          save={(value) => save({ report: { every: value === NEVER ? null : value } })}
        />
        {every !== null && channels.length === 0 && (
          <p className="card-problem">{t('settings.report.noChannels')}</p>
        )}
        {every !== null && channels.length > 0 && (
          <ChoiceSetting
            label={t('settings.report.channels')}
            value={chosen === null ? 'all' : 'some'}
            choices={[
              { value: 'all', label: t('settings.report.all') },
              { value: 'some', label: t('settings.report.some') },
            ]}
            save={(value) =>
              save({ report: { channels: value === 'all' ? null : channels.map(({ id }) => id) } })
            }
          />
        )}
        {every !== null && chosen !== null && (
          <Stack gap="xs">
            {channels.map(({ id, name }) => (
              <Checkbox
                key={id}
                label={<span className="breakable">{name}</span>}
                checked={chosen.includes(id)}
                onChange={({ currentTarget: { checked } }) =>
                  save({
                    report: {
                      channels: channels
                        .map((one) => one.id)
                        .filter((one) => (one === id ? checked : chosen.includes(one))),
                    },
                  })
                }
              />
            ))}
            {chosen.length === 0 && <p className="card-problem">{t('settings.report.none')}</p>}
          </Stack>
        )}
      </Setting>
    </SettingsPart>
  )
}
