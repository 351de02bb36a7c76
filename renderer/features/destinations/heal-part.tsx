import { Button } from '@mantine/core'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'

/** Shows that files of a destination are damaged or missing, with the button that repairs them, and the result. */
export function HealPart({ destination: { id, damaged, healing } }: { destination: DestinationState }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  if (damaged === undefined && (healing === undefined || healing.healed === 0)) return null
  if (damaged === undefined && healing !== undefined && !healing.isRunning)
    return (
      <p className="dimmed">
        {t('window.heal.all', { count: healing.healed })} · <Ago at={healing.at} isRough />
      </p>
    )
  const isRunning = healing?.isRunning === true
  const failures = healing?.failures ?? []
  const others = (healing?.failed ?? 0) - failures.length
  return (
    <div className="heal">
      <div className="spread">
        <p className="card-problem">{t('window.heal.damaged', { count: damaged?.files ?? 0 })}</p>
        <Button
          size="xs"
          variant="default"
          loading={isRunning}
          onClick={() => run('heal', { id }, 'window.heal.started')}
        >
          {t('window.heal.button')}
        </Button>
      </div>
      {healing === undefined ? (
        <p className="dimmed">{t('window.heal.about')}</p>
      ) : (
        <p className="dimmed">
          {t('window.heal.result', {
            healed: healing.healed,
            resent: healing.resent,
            failed: healing.failed,
          })}
        </p>
      )}
      {failures.length > 0 && (
        <details className="folded">
          <summary>{t('window.heal.details')}</summary>
          <ul className="plain">
            {failures.map((one) => (
              <li key={say(one)} className="breakable selectable">
                {say(one)}
              </li>
            ))}
            {others > 0 && <li className="dimmed">{t('window.heal.more', { count: others })}</li>}
          </ul>
        </details>
      )}
    </div>
  )
}
