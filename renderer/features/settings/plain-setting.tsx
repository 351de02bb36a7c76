import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import {
  type PlainSetting,
  plainSettings,
  type Section,
  type SettingKey,
  settingKeys,
} from '../../../core/settings/catalog.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { languages, nameOf } from '../../words/dictionaries.ts'
import type { SettingId } from './catalog.ts'
import { ChoiceSetting } from './choice-setting.tsx'
import { Setting } from './found.tsx'
import { getRange, type NumberKey, readSetting, toChanges } from './limits.ts'
import { NumberSetting } from './number-setting.tsx'
import { SwitchSetting } from './switch-setting.tsx'
import { TextSetting } from './text-setting.tsx'
import { useSave } from './use-save.ts'

interface PlainProps {
  id: SettingKey & SettingId
  settings: AppState['settings']
}

/** Shows a setting of the table by its kind. */
function PlainField({ id, settings }: PlainProps) {
  const { t } = useWords()
  const save = useSave()
  const range = getRange(id)
  const words = { label: `setting.${id}`, hint: `setting.${id}.hint` } as const
  const value = readSetting(settings, id)
  const set = (next: unknown) => save(toChanges(id, next))
  if (typeof value === 'number') return <NumberSetting field={id as NumberKey} value={value} save={set} />
  if (typeof value === 'boolean') return <SwitchSetting {...words} value={value} save={set} />
  if (typeof value !== 'string') return null
  if (range.kind === 'choice') {
    const choices = range.choices.map((one) => ({ value: one, label: nameChoice(id, one, t) }))
    return <ChoiceSetting label={t(words.label)} value={value} choices={choices} save={set} />
  }
  return <TextSetting {...words} longest={range.kind === 'text' ? range.most : 0} value={value} save={set} />
}

/** Returns the word of a choice. */
export function nameChoice(key: SettingKey, value: string, t: Words['t']): string {
  const language = languages.find((one) => one === value)
  return language === undefined ? t(`setting.${key}.${value}` as WordKey) : nameOf(language)
}

interface PlainSettingsProps {
  section: Section
  settings: AppState['settings']
}

/** Shows the settings of a section that have no control of their own, in the order of the table. */
export function PlainSettings({ section, settings }: PlainSettingsProps) {
  return settingKeys.filter(isPlain).map(
    (id) =>
      plainSettings[id].under === section && (
        <Setting key={id} id={id}>
          <PlainField id={id} settings={settings} />
        </Setting>
      ),
  )
}

const isPlain = (key: SettingKey): key is PlainProps['id'] =>
  !(plainSettings[key] as PlainSetting).isOwnControl
