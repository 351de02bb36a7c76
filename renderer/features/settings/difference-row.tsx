import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { isSettingKey } from '../../../core/settings/catalog.ts'
import { IconPencil, IconPlus, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { settingNames } from './catalog.ts'
import { getRange } from './limits.ts'
import { nameChoice } from './plain-setting.tsx'

type Difference = NonNullable<CommandOutput<'readSettings'>>['differences'][number]

const icons = { added: IconPlus, removed: IconTrash, changed: IconPencil } as const

/** Shows a difference of settings. @param other stands for a list or an object. */
export function DifferenceRow({ difference, other }: { difference: Difference; other: WordKey }) {
  const { kind, change, name, details } = difference
  const words = useWords()
  const { t } = words
  const known = settingNames[name]
  const Icon = icons[change]
  const title = kind === 'setting' && known !== undefined ? t(known) : name
  return (
    <li>
      <Icon size={15} role="img" aria-label={t(`settings.import.${change}`)} />
      <span className="row-words">
        <span className="breakable">
          {title} {kind !== 'setting' && <span className="dimmed">{t(`settings.import.kind.${kind}`)}</span>}
        </span>
        {details.length > 0 && (
          <span className="dimmed breakable">
            {kind === 'setting'
              ? valuesInWords(difference, other, words)
              : details.join(t('window.list.separator'))}
          </span>
        )}
      </span>
    </li>
  )
}

/** Formats "10 → 60". Lists and objects are not shown: the old one is omitted, the new one is `other`. */
function valuesInWords({ name, details }: Difference, other: WordKey, { t }: Words): string {
  const values: unknown[] = details.map((detail) => JSON.parse(detail))
  return values
    .filter((value, index) => index === values.length - 1 || typeof value !== 'object' || value === null)
    .map((value) => {
      if (value === null) return t('settings.import.none')
      if (typeof value === 'boolean') return t(value ? 'settings.import.on' : 'settings.import.off')
      if (typeof value === 'object') return t(other)
      const isChoice = isSettingKey(name) && getRange(name).kind === 'choice'
      return isChoice ? nameChoice(name, String(value), t) : String(value)
    })
    .join(' → ')
}
