import type { CommandInput } from '../../../core/agent/contract.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'
import { TextSetting } from '../settings/text-setting.tsx'

/** The limits of core/settings/schema.ts; the agent checks them too. */
const LONGEST_NAME = 200
const LONGEST_MARK = 255

/** Edits a source's name, and the prefix and marks of its batch directories. */
export function NamesPart({ settings }: { settings: SourceState['settings'] }) {
  const { t } = useWords()
  const { ask } = useCommands()
  const { id, name, kind, batch } = settings
  const change = (changes: CommandInput<'changeSource'>['changes']) => ask('changeSource', { id, changes })
  return (
    <section className="card settings" aria-label={t('settings.source.names')}>
      <h3>{t('settings.source.names')}</h3>
      <TextSetting
        label="settings.source.name"
        hint="settings.source.nameHint"
        longest={LONGEST_NAME}
        isRequired
        value={name}
        save={(next) => change({ name: next })}
      />
      {kind === 'batch' && (
        <>
          <TextSetting
            label="window.add.prefix"
            hint="window.add.prefixHint"
            longest={LONGEST_MARK}
            value={batch.prefix}
            save={(prefix) => change({ batch: { prefix } })}
          />
          <TextSetting
            label="settings.source.closedMark"
            hint="settings.source.closedMarkHint"
            longest={LONGEST_MARK}
            isRequired
            value={batch.closedMark}
            save={(closedMark) => change({ batch: { closedMark } })}
          />
          <TextSetting
            label="settings.source.sentMark"
            hint="settings.source.sentMarkHint"
            longest={LONGEST_MARK}
            isRequired
            value={batch.sentMark}
            save={(sentMark) => change({ batch: { sentMark } })}
          />
        </>
      )}
    </section>
  )
}
