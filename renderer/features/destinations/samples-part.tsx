import { Button, Group, Stack, Switch } from '@mantine/core'
import { describeSamples } from '../../../core/agent/state/derived.ts'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import {
  type Destination,
  getSamples,
  type Samples,
  samplesSchema,
  USUAL_SAMPLES,
} from '../../../core/settings/destination-schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { SavedNumber } from '../settings/saved-number.tsx'

/** Shows which damage the random samples of a destination would have shown, or the progress of a round. */
export function SamplesPart({ destination }: { destination: DestinationState }) {
  const { t, say } = useWords()
  const { proofRound } = destination
  if (proofRound?.isRunning === true)
    return (
      <p className="dimmed" role="status">
        {t('window.samples.running', { count: proofRound.files })}
      </p>
    )
  const figures = describeSamples(destination)
  return figures === null ? null : <p className="dimmed breakable">{say(figures)}</p>
}

interface SamplesDialogProps {
  destination: DestinationState
  settings: Destination
  opened: boolean
  onClose: () => void
}

/** Sets how many random files a destination reads again each day, and starts a round. */
export function SamplesDialog({ destination, settings, opened, onClose }: SamplesDialogProps) {
  const { t, format } = useWords()
  const { run, ask } = useCommands()
  const { id, name, connection, proofRound } = destination
  const samples = getSamples(settings)
  const isOn = samples.filesPerDay > 0
  const parse = (field: keyof Samples, typed: string): number | null => {
    const parsed = samplesSchema.shape[field].safeParse(typed.trim() === '' ? undefined : Number(typed))
    return parsed.success ? parsed.data : null
  }
  const fields = [
    { field: 'filesPerDay', label: 'window.samples.files', unit: 'window.samples.filesUnit' },
    { field: 'gibPerDay', label: 'window.samples.gib', unit: 'window.samples.gibUnit' },
  ] as const
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('window.samples.title', { name })}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <p className="dimmed breakable">
        {t(settings.kind === 'receiver' ? 'window.samples.explainReceiver' : 'window.samples.explain')}
      </p>
      <Stack gap="sm" mt="sm">
        <Switch
          label={t('window.samples.on')}
          checked={isOn}
          onChange={({ currentTarget: { checked } }) =>
            void run('setSamples', { id, samples: { ...samples, filesPerDay: checked ? USUAL_SAMPLES : 0 } })
          }
          labelPosition="left"
          classNames={{ body: 'switch-body' }}
        />
        {isOn &&
          fields.map(({ field, label, unit }) => (
            <SavedNumber
              key={field}
              label={t(label)}
              hint={t(`${label}Hint`)}
              unit={t(unit)}
              value={samples[field]}
              check={(typed) =>
                parse(field, typed) === null ? t(`${label}Wrong`, { most: format.number(100_000) }) : null
              }
              save={(typed) =>
                ask('setSamples', {
                  id,
                  samples: { ...samples, [field]: parse(field, typed) ?? samples[field] },
                })
              }
            />
          ))}
        <SamplesPart destination={destination} />
      </Stack>
      <Group justify="flex-end" mt="sm">
        <Button
          variant="default"
          disabled={connection.state !== 'connected'}
          loading={proofRound?.isRunning === true}
          onClick={() => run('prove', { id }, 'window.samples.started')}
        >
          {t('window.samples.now')}
        </Button>
        <Button onClick={onClose}>{t('window.close')}</Button>
      </Group>
    </Dialog>
  )
}
