import { Checkbox, Group } from '@mantine/core'
import { useId, useState } from 'react'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from '../settings/saved-mark.tsx'

const kinds = sourceSchema.shape.digests.unwrap().element.options

/** Chooses which digests of each file are recorded when it is sent; a choice is saved at once. */
export function DigestsPart({ settings }: { settings: SourceState['settings'] }) {
  const { t, say } = useWords()
  const { ask } = useCommands()
  const title = useId()
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const { id, digests } = settings

  const save = async (kind: (typeof kinds)[number], isOn: boolean) => {
    const next = kinds.filter((one) => (one === kind ? isOn : digests.includes(one)))
    const outcome = await ask('changeSource', { id, changes: { digests: next } })
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <section className="card" aria-label={t('window.digests.title')}>
      <div className="setting-label">
        <span id={title}>{t('window.digests.title')}</span> <SavedMark at={savedAt} />
      </div>
      <p className="dimmed setting-hint">{t('window.digests.hint')}</p>
      <Group role="group" aria-labelledby={title} gap="lg" mt="xs">
        {kinds.map((kind) => (
          <Checkbox
            key={kind}
            label={t(`window.digests.${kind}`)}
            checked={digests.includes(kind)}
            onChange={(event) => void save(kind, event.currentTarget.checked)}
          />
        ))}
      </Group>
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </section>
  )
}
