import { NumberInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'
import { limitsOf, parseNumber } from '../settings/limits.ts'
import { SavedMark } from '../settings/saved-mark.tsx'

/** After how many hours without anything new somebody is told; empty: never. Kept when the field is left. */
export function SilencePart({ settings }: { settings: SourceState['settings'] }) {
  const { t, say, format } = useWords()
  const { ask } = useCommands()
  const { id, kind, silentHours } = settings
  const shown = silentHours ?? ''
  const [typed, setTyped] = useState<string | number>(shown)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const isEmpty = String(typed).trim() === ''
  const parsed = isEmpty ? null : parseNumber('silent', typed)
  const isWrong = !isEmpty && parsed === null

  // Somebody else may change it too: the command line, or a second window.
  useEffect(() => setTyped(shown), [shown])

  const commit = async () => {
    if (isWrong || parsed === silentHours) return
    const outcome = await ask('changeSource', { id, changes: { silentHours: parsed } })
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }
  const { least, most } = limitsOf('silent')
  const wrong = t('window.silence.wrong', { least: String(least), most: format.number(most) })

  return (
    <section className="card" aria-label={t('window.silence.title')}>
      <NumberInput
        label={
          <>
            {t('window.silence.title')} <SavedMark at={savedAt} />
          </>
        }
        aria-label={t('window.silence.title')}
        description={t(kind === 'batch' ? 'window.silence.hintBatch' : 'window.silence.hint')}
        placeholder={t('window.silence.never')}
        error={isWrong ? wrong : refusal === null ? null : say(refusal)}
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
        decimalScale={2}
        suffix={` ${t('window.silence.unit')}`}
        hideControls
      />
    </section>
  )
}
