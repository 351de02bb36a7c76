import { Button, NativeSelect } from '@mantine/core'
import { useId, useState } from 'react'
import { findRemovalObstacle } from '../../../core/agent/state/derived.ts'
import type { DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'
import { removalEffects } from './describe.ts'

const DAY_HOURS = 24
/** Days offered as choices; any other number can be typed. */
const DAYS = [1, 7, 30]
const NEVER = 'never'
const OTHER = 'other'
/** The limit of core/settings/schema.ts; the agent checks it too. */
const MOST_DAYS = 3650

interface RemovalPartProps {
  source: SourceState
  /** The destinations of the source. */
  destinations: readonly DestinationState[]
}

/** Sets whether files are deleted here after sending. Enabling it has to be confirmed, disabling it does not. */
export function RemovalPart({ source: { settings }, destinations }: RemovalPartProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const label = useId()
  const [asked, setAsked] = useState<number | null>(null)
  const [typing, setTyping] = useState(false)
  const obstacle = findRemovalObstacle(destinations)
  const hours = settings.deleteAfter?.hours ?? null
  const choices = [...new Set([...DAYS.map((days) => days * DAY_HOURS), ...(hours === null ? [] : [hours])])]
  const inWords = (value: number) =>
    value % DAY_HOURS === 0
      ? t('window.remove.days', { count: value / DAY_HOURS })
      : t('window.remove.hours', { count: value })
  const set = (next: number | null) =>
    run('changeSource', {
      id: settings.id,
      changes: { deleteAfter: next === null ? null : { hours: next } },
    })

  return (
    <section className="card" aria-label={t('window.remove.title')}>
      <h3 id={label}>{t('window.remove.label')}</h3>
      <NativeSelect
        aria-labelledby={label}
        value={typing ? OTHER : hours === null ? NEVER : String(hours)}
        onChange={(event) => {
          const { value } = event.currentTarget
          setTyping(value === OTHER)
          if (value === NEVER) void set(null)
          else if (value !== OTHER) setAsked(Number(value))
        }}
        data={[
          { value: NEVER, label: t('window.remove.never') },
          ...choices.sort((a, b) => a - b).map((value) => ({ value: String(value), label: inWords(value) })),
          { value: OTHER, label: t('settings.remove.other') },
        ]}
      />
      {typing && <DaysForm onChoose={(days) => setAsked(days * DAY_HOURS)} />}
      <p className="dimmed">{t('window.remove.explain')}</p>
      {hours !== null && obstacle !== null && (
        <p className="card-problem warn">{t(obstacle.key, obstacle.params)}</p>
      )}
      <Confirm
        opened={asked !== null}
        title={t('window.remove.confirm')}
        consequences={removalEffects(settings.name, destinations, t)}
        action={t('window.remove.action')}
        dangerous
        onClose={() => setAsked(null)}
        onConfirm={async () => {
          await set(asked)
          setTyping(false)
        }}
      />
    </section>
  )
}

/** Asks for a number of days. */
function DaysForm({ onChoose }: { onChoose: (days: number) => void }) {
  const { t, format } = useWords()
  const [typed, setTyped] = useState('')
  useHold(typed !== '', false)
  const days = Number(typed)
  const isRight = Number.isInteger(days) && days >= 1 && days <= MOST_DAYS
  return (
    <form
      className="with-button"
      onSubmit={(event) => {
        event.preventDefault()
        if (isRight) onChoose(days)
      }}
    >
      <NumberField
        label={t('settings.remove.after')}
        value={typed}
        onChange={setTyped}
        error={
          typed === '' || isRight ? null : t('settings.remove.wrong', { most: format.number(MOST_DAYS) })
        }
        unit={t('window.filters.days')}
        autoFocus
      />
      <Button type="submit" disabled={!isRight}>
        {t('settings.remove.set')}
      </Button>
    </form>
  )
}
