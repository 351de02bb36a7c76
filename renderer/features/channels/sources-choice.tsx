import { Checkbox, SegmentedControl, Stack } from '@mantine/core'
import { useId } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'

interface SourcesChoiceProps {
  sources: AppState['settings']['sources']
  /** null for all. */
  chosen: readonly string[] | null
  problem: string | null
  onChange: (chosen: readonly string[] | null) => void
}

/** Chooses whose incidents a channel reports: all sources, or some. */
export function SourcesChoice({ sources, chosen, problem, onChange }: SourcesChoiceProps) {
  const { t } = useWords()
  const id = useId()
  const toggle = (source: string, wanted: boolean) =>
    onChange((chosen ?? []).filter((one) => one !== source).concat(wanted ? [source] : []))
  return (
    <div>
      <div className="setting-label" id={id}>
        {t('window.channel.sources')}
      </div>
      <SegmentedControl
        fullWidth
        aria-labelledby={id}
        value={chosen === null ? 'all' : 'some'}
        onChange={(value) => onChange(value === 'all' ? null : sources.map((source) => source.id))}
        data={[
          { value: 'all', label: t('window.channel.allSources') },
          { value: 'some', label: t('window.channel.someSources') },
        ]}
      />
      {chosen !== null && (
        <Stack gap="xs" mt="xs">
          {sources.map((source) => (
            <Checkbox
              key={source.id}
              label={<span className="breakable">{source.name}</span>}
              checked={chosen.includes(source.id)}
              onChange={(event) => toggle(source.id, event.currentTarget.checked)}
            />
          ))}
          <p className="dimmed setting-hint">{t('window.channel.sourcesHint')}</p>
        </Stack>
      )}
      {problem !== null && <p className="card-problem">{problem}</p>}
    </div>
  )
}
